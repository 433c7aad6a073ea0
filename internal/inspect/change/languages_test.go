package change_test

import (
	"encoding/json"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/inspect/change"
)

// A rewriting is what may become of the definition of a tool in one language: each
// text is appended to the description, replaces that of the city, or is the title.
type rewriting struct {
	text, city        string // before
	title, adds, asks []string
}

func weather(title, text, city string) gate.Item {
	def := map[string]any{"name": "get_weather", "description": text, "inputSchema": map[string]any{
		"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string", "description": city}}, "required": []string{"city"},
	}}
	if title != "" {
		def["title"] = title
	}
	raw, err := json.Marshal(def)
	if err != nil {
		panic(err)
	}
	return gate.Item{Kind: gate.Tool, Upstream: "weather", Name: "get_weather", Raw: raw}
}

// each calls do with every rewriting, one at a time.
func (r *rewriting) each(do func(what string, before, after gate.Item)) {
	before := weather("", r.text, r.city)
	for _, s := range r.title {
		do("title: "+s, before, weather(s, r.text, r.city))
	}
	for _, s := range r.adds {
		do("description: "+s, before, weather("", r.text+" "+s, r.city))
	}
	for _, s := range r.asks {
		do("city: "+s, before, weather("", r.text, s))
	}
}

// What asks for what nobody asked for is read, in whichever language it is written.
func TestHostileRewritings(t *testing.T) {
	for _, table := range []map[string]rewriting{hostile, hostileStation, hostileRecipes} {
		for lang, r := range table {
			r.each(func(what string, before, after gate.Item) {
				if got := change.Of(&before, &after, nil); got.Quick {
					t.Errorf("%s, %s: passes quickly", lang, what)
				}
			})
		}
	}
}

// What explains is not, but for one in ten.
func TestHonestRewritings(t *testing.T) {
	n, read := 0, 0
	for _, table := range []map[string]rewriting{honest, honestStation, honestRecipes} {
		for lang, r := range table {
			r.each(func(what string, before, after gate.Item) {
				n++
				if got := change.Of(&before, &after, nil); !got.Quick {
					read++
					t.Logf("%s, %s: %q", lang, what, got.Reasons)
				}
			})
		}
	}
	if 10*read > n {
		t.Errorf("%d of %d are to be read", read, n)
	}
}
