package app_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"doorward/internal/gatetest"
)

// own is what two refusals of the same kind differ in: the exchange, and the
// client's own words.
var own = regexp.MustCompile(`"(exchange|uri)":"[^"]*"`)

// Nobody learns by completing what there is: what a principal may not use, what
// is not approved and what does not exist read the same, byte for byte. Values
// that lead to a resource that it may not read are not in the answer.
func TestCompletionsTellNothing(t *testing.T) {
	t.Parallel()
	up := answering(t, gatetest.Script{
		Prompts:   []json.RawMessage{[]byte(`{"name":"greet"}`), []byte(`{"name":"plot"}`)},
		Resources: []json.RawMessage{[]byte(`{"uri":"notes://private/list","name":"n"}`)},
		Templates: []json.RawMessage{[]byte(`{"uriTemplate":"notes://{area}/{id}","name":"t"}`), []byte(`{"uriTemplate":"vault://{id}","name":"v"}`)},
	})
	up.on("completion/complete", func([]byte) string {
		return `{"resultType":"complete","completion":{"values":["public","private","secret-1","open"],"total":4,"hasMore":false}}`
	})
	gw := gatetest.Gateway(t, `
roles:
  reader:
    allow: [{prompts: [up/greet], resources: ["notes://**"]}]
    deny: [{resources: ["notes://private/**", "notes://*/secret*"]}]
upstreams: {up: {url: "`+up.URL()+`"}}
`, nil)
	gw.Approve("")
	for _, version := range eras {
		c := gw.As("alice", "reader").Open(version)
		complete := func(ref, name, more string) *gatetest.Reply {
			return c.Post(c.Request("1", "completion/complete", fmt.Sprintf(`"ref":%s,"argument":{"name":%q,"value":""}%s`, ref, name, more)))
		}
		before := up.Count("completion/complete")
		for _, refs := range [][]string{
			{`{"type":"ref/prompt","name":"up__nosuch"}`, `{"type":"ref/prompt","name":"up__plot"}`, `{"type":"ref/prompt","name":"nobody__greet"}`},
			{`{"type":"ref/resource","uri":"nosuch://{id}"}`, `{"type":"ref/resource","uri":"vault://{id}"}`, `{"type":"ref/resource","uri":"notes://private/list"}`},
		} {
			var texts []string
			for _, ref := range refs {
				r := complete(ref, "id", "")
				if !strings.HasSuffix(r.Refusal, ".unknown") {
					t.Errorf("%s: %s: %s", version, ref, r)
				}
				texts = append(texts, fmt.Sprint(r.Status, own.ReplaceAllString(string(r.Body), "")))
			}
			if slices.Sort(texts); len(slices.Compact(texts)) != 1 {
				t.Errorf("%s: the answers tell each other apart:\n%s", version, strings.Join(texts, "\n"))
			}
		}
		if n := up.Count("completion/complete") - before; n != 0 {
			t.Errorf("%s: the upstream was asked %d times", version, n)
		}
		const notes = `{"type":"ref/resource","uri":"notes://{area}/{id}"}`
		for _, tc := range []struct {
			ref, name, more string
			want            []string
		}{
			{`{"type":"ref/prompt","name":"up__greet"}`, "who", "", []string{"public", "private", "secret-1", "open"}},
			{notes, "area", "", []string{"public", "secret-1", "open"}},
			{notes, "id", `,"context":{"arguments":{"area":"public"}}`, []string{"public", "private", "open"}},
			{notes, "id", `,"context":{"arguments":{"area":"private"}}`, nil},
			{notes, "id", "", nil},
			{notes, "nosuch", "", nil},
		} {
			r := complete(tc.ref, tc.name, tc.more)
			var m struct {
				Result struct {
					Completion struct {
						Values []string
						Total  *int
					}
				}
			}
			if err := json.Unmarshal(r.Final(), &m); err != nil || !r.OK() {
				t.Fatalf("%s: %s, %v", version, r, err)
			}
			got := m.Result.Completion
			if !slices.Equal(got.Values, tc.want) || (got.Total != nil) != (len(tc.want) == 4) {
				t.Errorf("%s: %s of %s: got %s, want %v", version, tc.name, tc.ref, r, tc.want)
			}
		}
	}
}
