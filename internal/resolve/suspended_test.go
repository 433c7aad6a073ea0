package resolve_test

import (
	"slices"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/resolve"
)

// suspended suspends one upstream and one tool of "a".
type suspended struct {
	upstream, tool string
	down           bool
	looks          *int // how often it was asked about upstreams; nil: nobody counts
}

func (s suspended) answer(is bool) (bool, error) {
	if s.down {
		return true, &gate.Error{Code: gate.CodeContainedDown, Op: "test"}
	}
	return is, nil
}

func (s suspended) Upstreams(names []string) ([]string, error) {
	if s.looks != nil {
		*s.looks++
	}
	if down, err := s.answer(false); down {
		return names, err
	}
	var all []string
	if slices.Contains(names, s.upstream) {
		all = append(all, s.upstream)
	}
	return all, nil
}

func (s suspended) Tool(upstream, name string) (bool, error) {
	return s.answer(upstream == "a" && name == s.tool)
}

// What is suspended is refused with its code and asked nothing, and is in no list;
// what cannot be known refuses.
func TestWhatIsSuspended(t *testing.T) {
	for _, tc := range []struct {
		name, method, item string
		s                  suspended
		want               gate.Code
		asked              []string
	}{
		{"another", "tools/call", "b__read", suspended{upstream: "a", tool: "read"}, "", []string{"b"}},
		{"a tool of it", "tools/call", "a__read", suspended{upstream: "a"}, gate.CodeContainedUpstream, nil},
		{"the tool", "tools/call", "a__read", suspended{tool: "read"}, gate.CodeContainedTool, []string{"a"}},
		{"another tool", "tools/call", "a__one", suspended{tool: "read"}, "", []string{"a"}},
		{"a prompt of its name", "prompts/get", "a__p", suspended{tool: "p"}, gate.CodeContainedTool, []string{"a"}},
		{"a resource that only it may have", "resources/read", "docs://x", suspended{upstream: "a"}, gate.CodeContainedUpstream, []string{"b", "hidden"}},
		{"a resource of another", "resources/read", "docs://both", suspended{upstream: "a"}, "", []string{"b", "hidden"}},
		{"a hidden one is not told of", "tools/call", "hidden__read", suspended{upstream: "hidden"}, gate.CodeUnknownTool, nil},
		{"nobody knows", "tools/call", "a__read", suspended{down: true}, gate.CodeContainedDown, nil},
		{"nobody knows, of a list", "tools", "", suspended{down: true}, gate.CodeContainedDown, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := standard()
			if tc.want == gate.CodeUnknownTool {
				w.reach = func(upstream string) bool { return upstream != "hidden" }
			}
			v, err := stageWith(w, tc.s).Judge(t.Context(), exchange(tc.method, tc.item))
			got := v.Code
			if err != nil {
				got = gate.CodeOf(err)
			}
			if got != tc.want || tc.want == "" && v.Effect != gate.Continue {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
			var asked []string
			for up := range w.asked {
				asked = append(asked, up)
			}
			slices.Sort(asked)
			if !slices.Equal(asked, tc.asked) {
				t.Errorf("asked were %v, want %v", asked, tc.asked)
			}
		})
	}
	ex := exchange("tools", "")
	w, looks := standard(), 0
	if v, err := stageWith(w, suspended{upstream: "b", tool: "read", looks: &looks}).Judge(t.Context(), ex); err != nil || v.Effect != gate.Continue {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := names(ex.Target.Items); slices.Contains(got, "a read a__read") || slices.Contains(got, "b read b__read") || !slices.Contains(got, "a one a__one") || w.asked["b"] {
		t.Errorf("the list is %v", got)
	}
	if looks != 1 {
		t.Errorf("it was asked %d times about three upstreams", looks)
	}
}

func stageWith(w *world, s resolve.Suspended) *resolve.Stage {
	return resolve.New(resolve.Config{Catalogue: w, Reach: w, Asks: w, Suspended: s, Log: w.log, Events: w.event, Profiles: map[string]resolve.Profile{
		"": {Upstreams: []string{"a", "b", "hidden"}},
	}})
}
