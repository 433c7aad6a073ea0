package resolve_test

import (
	"testing"

	"doorward/internal/gate"
)

func TestCompletion(t *testing.T) {
	w := standard().offers("b", "template any://{+rest} approved")
	for _, tc := range []struct {
		kind     gate.ItemKind
		name     string
		code     gate.Code
		upstream string
	}{
		{gate.Prompt, "a__p", "", "a"},
		{gate.Template, "docs://t/{id}", "", "a"},
		{gate.Resource, "docs://t/{id}", "", "a"},
		{gate.Template, "docs://x", "", "a"},
		{gate.Template, "any://{+rest}", "", "b"},
		{gate.Template, "docs://t/1", gate.CodeUnknownResource, ""},
	} {
		ex := exchange("complete", tc.name)
		ex.Call.Item = tc.kind
		v, err := w.stage().Judge(t.Context(), ex)
		if err != nil || v.Code != tc.code || ex.Target.Upstream != tc.upstream {
			t.Errorf("%v %s: %+v, %v, %q", tc.kind, tc.name, v, err, ex.Target.Upstream)
		}
	}
}

// Nobody learns by completing what there is: whatever cannot be used looks like
// what does not exist. The operator reads why.
func TestCompletionTellsNothing(t *testing.T) {
	w := standard().offers("a", "prompt twin approved", "prompt Twin approved", "template held://{x} held", "template both://{x} approved").
		offers("b", "template both://{x} approved")
	w.reach = func(u string) bool { return u != "hidden" }
	for kind, refs := range map[gate.ItemKind][]string{
		gate.Prompt:   {"a__nothing", "a__ph", "a__pc", "a__pr", "a__twin", "hidden__p", "nowhere__p"},
		gate.Template: {"docs://nothing/{x}", "held://{x}", "both://{x}", "docs://h", "docs://c", "docs://both"},
	} {
		var first gate.Verdict
		reasons := map[string]bool{}
		for i, name := range refs {
			ex := exchange("complete", name)
			ex.Call.Item = kind
			v, err := w.stage().Judge(t.Context(), ex)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = v
			}
			if v.Effect != gate.Deny || v.Code != first.Code || v.Public != first.Public {
				t.Errorf("%s: the client can tell %+v from %+v", name, v, first)
			}
			reasons[v.Reason] = true
		}
		if len(reasons) < 3 {
			t.Errorf("%s: the operator reads no more than %v", kind, reasons)
		}
	}
}
