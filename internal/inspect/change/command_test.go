package change_test

import (
	"slices"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/change"
)

// PIN-18: what of a command's confinement is another is said in words, and is never quick:
// neither what is looser nor what is stricter.
func TestPIN18_ConfinementInWords(t *testing.T) {
	for name, tc := range map[string]struct{ was, is, want string }{
		"no longer":    {`{"argv":["a"]}`, `{"argv":["a"],"confinement":{"kind":"none"}}`, "It is confined no longer: it has Doorward's own rights."},
		"confined":     {`{"argv":["a"],"confinement":{"kind":"none"}}`, `{"argv":["a"]}`, "It is confined, and had Doorward's own rights."},
		"otherwise":    {`{"argv":["a"]}`, `{"argv":["a"],"confinement":{"kind":"docker"}}`, "It is confined by docker, and was by process."},
		"writes":       {`{"argv":["a"]}`, `{"argv":["a"],"confinement":{"write":["/srv","/var/x"]}}`, "It may write what it could not: /srv, /var/x."},
		"writes more":  {`{"confinement":{"write":["/srv"]}}`, `{"confinement":{"write":["/etc","/srv"]}}`, "It may write what it could not: /etc."},
		"writes less":  {`{"confinement":{"write":["/etc","/srv"]}}`, `{"confinement":{"write":["/srv"]}}`, "It may no longer write: /etc."},
		"reads":        {`{}`, `{"confinement":{"read":["/srv"]}}`, "It may read what it could not: /srv."},
		"reaches":      {`{}`, `{"confinement":{"network":["evil.example:443"]}}`, "It may reach what it could not: evil.example:443."},
		"weaker":       {`{}`, `{"confinement":{"allow_weaker":["landlock"]}}`, "It may run without layers of its sandbox: landlock."},
		"launch rules": {`{}`, `{"allow_launch":["code"]}`, "It may break launch rules: code."},
		"lifetime":     {`{"confinement":{"lifetime":"call"}}`, `{}`, "The lifetime of its processes is session, and was call."},
		"secret":       {`{"secrets":{"TOKEN":"reader"}}`, `{"secrets":{"TOKEN":"admin"}}`, "It is handed the secret admin as TOKEN, and was handed reader."},
		"new secret":   {`{}`, `{"secrets":{"TOKEN":"admin"}}`, "It is handed the secret admin as TOKEN."},
		"hidden":       {`{}`, `{"confinement":{"write":["/a\u202e"]}}`, "It may write what it could not: /a⟨U+202E⟩."},
		"many":         {`{}`, `{"confinement":{"write":["/0","/1","/2","/3","/4","/5","/6","/7","/8","/9"]}}`, "It may write what it could not: /0, /1, /2, /3, /4, /5, /6, /7, 2 more."},
	} {
		t.Run(name, func(t *testing.T) {
			before := gate.Item{Kind: gate.Command, Upstream: "up", Raw: []byte(tc.was)}
			after := gate.Item{Kind: gate.Command, Upstream: "up", Raw: []byte(tc.is)}
			got := change.Of(&before, &after, nil)
			if got.Quick || !slices.Contains(got.Reasons, tc.want) {
				t.Errorf("quick %t: %q, want %q", got.Quick, got.Reasons, tc.want)
			}
			before.Kind, after.Kind = gate.Tool, gate.Tool
			if got := change.Of(&before, &after, nil); strings.Contains(strings.Join(got.Reasons, "\n"), tc.want) {
				t.Errorf("a tool: %q", got.Reasons)
			}
		})
	}
}
