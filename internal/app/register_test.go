package app_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/admin"
	"doorward/internal/gatetest"
)

// The register names everything that holds data of people, those that nobody thinks of,
// too; what the process log has depends on its level.
func TestTheRegisterIsWhole(t *testing.T) {
	t.Parallel()
	g := gatetest.Gateway(t, "identity: {api_keys: true}\nupstreams: {}\ntelemetry: {log: {level: debug}}\n", nil)
	reg, err := g.App.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"audit log": "data_dir/audit", "approvals": "data_dir/approvals.json", "monitoring": "data_dir/profiles.json", "API keys and revocations": "data_dir/revoked.json",
		"what conversations have read": "data_dir/taints.json", "incidents": "data_dir/incidents.json", "legal holds": "data_dir/holds.json",
		"decisions about definitions": "lock file", "Doorward's own log": "standard error",
	} {
		i := slices.IndexFunc(reg.Activities, func(a admin.Activity) bool { return a.Name == name })
		if i < 0 {
			t.Errorf("%s is not in it", name)
			continue
		}
		a := &reg.Activities[i]
		if !strings.Contains(a.Where, want) || a.Retention == "" || len(a.Purposes) == 0 || len(a.Subjects) == 0 || len(a.Categories) == 0 {
			t.Errorf("%s: %+v", name, a)
		}
		if name == "Doorward's own log" && !slices.ContainsFunc(a.Categories, func(c string) bool { return strings.HasPrefix(c, "address") }) {
			t.Errorf("at the level debug it has addresses: %v", a.Categories)
		}
	}
}
