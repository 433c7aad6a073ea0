package app_test

import (
	"fmt"
	"strings"
	"testing"

	"doorward/internal/gatetest"
)

// HTT-08 over a WebSocket: a message that is too large ends the connection, and
// is on record like over every other transport (A1 of security.md section 0).
func TestWebSocketMessageTooLargeIsOnRecord(t *testing.T) {
	t.Parallel()
	up := gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})
	gw := gatetest.Gateway(t, "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\", websocket: true}\n"+fmt.Sprintf(transportRoles, up.URL()), nil)
	gw.Approve("")
	for _, version := range eras {
		before := refusals(t, gw.AuditDir(), "message.too_large")
		v, refused := openSocket(gw)(t, opening{key: gw.Key("alice "+version, "reader"), version: version})
		if v == nil {
			t.Fatalf("opening: %+v", refused)
		}
		if version != modern {
			shake(t, v, version)
		}
		if got := v.say(t, []byte(asks(version, "tools/call", `"name":"up__echo","arguments":{"x":"`+strings.Repeat("x", 4<<20)+`"}`))); got.refusal != "closed 1009" {
			t.Errorf("%s: got %+v, want the close code 1009", version, got)
		}
		eventually(t, "the refusal is on record, once", func() bool { return refusals(t, gw.AuditDir(), "message.too_large") == before+1 })
	}
}
