package audit_test

import (
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// What a client calls a method that there is not, and how it names a request, can say
// anything of anybody: where identities are sealed it is under a hash, the same for the same
// text, and where they are plain it is as it came.
func TestWhatTheClientCallsIt(t *testing.T) {
	for _, tc := range []struct {
		method, id string
		veiled     bool
	}{
		{"tools/call", `7`, false},
		{"ping", `999999999`, false},
		{"people/alice.CANARY@example.com", `"alice.CANARY@example.com"`, true},
		{"people/alice.CANARY@example.com", `491701234567`, true},
		{strings.Repeat("CANARY", 200), `"` + strings.Repeat("CANARY", 200) + `"`, true},
	} {
		for _, plain := range []bool{false, true} {
			cfg := config(t.TempDir())
			cfg.PlainIdentity = plain
			l := open(t, cfg)
			for range 2 {
				ex := exchange("ex1")
				raw := []byte(`{"jsonrpc":"2.0","id":` + tc.id + `,"method":"` + tc.method + `"}`)
				ex.Call.Message = &gate.Message{Raw: raw, Kind: gate.Request, Method: tc.method, ID: gate.Span{Start: 22, End: 22 + len(tc.id)}}
				if err := l.Intent(t.Context(), ex); err != nil {
					t.Fatal(err)
				}
			}
			closed(t, l)
			var got []*audit.Record
			for _, r := range read(t, cfg.Dir, audit.Query{}) {
				if r.Kind == audit.KindIntent {
					got = append(got, &r)
				}
			}
			if len(got) != 2 || got[0].Method != got[1].Method || got[0].ID != got[1].ID {
				t.Fatalf("%q %s: on record: %+v", tc.method, tc.id, got)
			}
			both := got[0].Method + " " + got[0].ID
			switch {
			case !tc.veiled || plain && len(both) < 200:
				if both != tc.method+" "+tc.id {
					t.Errorf("%q %s, plain %t: on record as %s", tc.method, tc.id, plain, both)
				}
			case plain:
				if len(both) > 600 {
					t.Errorf("%d bytes on record", len(both))
				}
			case strings.Contains(both, "CANARY") || strings.Contains(both, "4917") || !strings.HasPrefix(both, "~") || len(both) != 2*17+1:
				t.Errorf("%q %s: on record as %s", tc.method, tc.id, both)
			}
		}
	}
}
