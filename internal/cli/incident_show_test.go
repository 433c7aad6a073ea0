package cli

import (
	"bytes"
	"strings"
	"testing"

	"doorward/internal/admin"
)

// A list of incidents says of whom each is about the tenant, too: names repeat in others.
func TestIncidentTableNamesTenants(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	about := []admin.IncidentSubject{{Kind: "principal", Value: "~0011", Tenant: "ac\nme"}, {Kind: "tool", Realm: "up", Value: "echo"}}
	if err := incidentTable(&out, []admin.Incident{{ID: "inc_1", About: about}}); err != nil {
		t.Fatal(err)
	}
	if want := "principal ~0011 of tenant ac⟨U+000A⟩me, tool up/echo"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, out.String())
	}
}
