package resolve_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/gate"
)

func TestUpstreamsThatLookAlike(t *testing.T) {
	w := new(world).offers("git", "tool x approved").offers("GIT", "tool x approved").offers("own", "tool x approved")
	ex := exchange("tools", "")
	if _, err := w.stage().Judge(t.Context(), ex); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"own x own__x"}, names(ex.Target.Items)); diff != "" {
		t.Error(diff)
	}
	if v, err := w.stage().Judge(t.Context(), exchange("tools/call", "GIT__x")); err != nil || v.Code != gate.CodeAmbiguousTool {
		t.Error(v, err)
	}
}

// POL-14: the flat name a__b__c has two readings when upstreams are named a and
// a__b, which configuration refuses; one that got past it is blocked in both
// readings, and neither lends the other its rules.
func TestPOL14_TwoReadings(t *testing.T) {
	for _, tc := range []struct {
		name   string
		offers map[string]string
		listed []string
		calls  map[string]gate.Code
	}{
		{
			"a separator in a name",
			map[string]string{"a": "b__c", "a__b": "c"},
			nil,
			map[string]gate.Code{"a__b__c": gate.CodeAmbiguousTool},
		},
		{
			"one of the two alone",
			map[string]string{"a__b": "c"},
			nil,
			map[string]gate.Code{"a__b__c": gate.CodeUnknownTool},
		},
		{
			"an underscore at the end",
			map[string]string{"a": "_b", "a_": "b"},
			nil,
			map[string]gate.Code{"a___b": gate.CodeAmbiguousTool},
		},
		{
			"names that configuration allows",
			map[string]string{"a": "b__c", "a-b": "c", "a_b": "_c"},
			[]string{"a b__c a__b__c", "a-b c a-b__c", "a_b _c a_b___c"},
			map[string]gate.Code{"a__b__c": "", "a-b__c": "", "a_b___c": "", "a_b__c": gate.CodeUnknownTool},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := new(world)
			for up, tool := range tc.offers {
				w.offers(up, "tool "+tool+" approved")
			}
			s, ex := w.stage(), exchange("tools", "")
			if _, err := s.Judge(t.Context(), ex); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.listed, names(ex.Target.Items)); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
			for name, want := range tc.calls {
				if v, err := s.Judge(t.Context(), exchange("tools/call", name)); err != nil || v.Code != want {
					t.Errorf("%s: %+v, %v, want %q", name, v, err, want)
				}
			}
			if got, want := len(w.events) > 0, len(tc.listed) == 0; got != want {
				t.Errorf("told of a clash: %v, want %v: %+v", got, want, w.events)
			}
		})
	}
}

// POL-50: two upstreams with a tool of the same name are two tools.
func TestPOL50_SameNameAtTwoUpstreams(t *testing.T) {
	w := new(world).offers("a", "tool send approved").offers("b", "tool send approved")
	s, ex := w.stage(), exchange("tools", "")
	if _, err := s.Judge(t.Context(), ex); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a send a__send", "b send b__send"}, names(ex.Target.Items)); diff != "" {
		t.Error(diff)
	}
	for _, up := range []string{"a", "b"} {
		call := exchange("tools/call", up+"__send")
		if _, err := s.Judge(t.Context(), call); err != nil || call.Target.Upstream != up {
			t.Errorf("%s: %+v, %v", up, call.Target, err)
		}
	}
	if len(w.events) > 0 {
		t.Errorf("told of a clash: %+v", w.events)
	}
}

// PIN-13: names that look the same are blocked on both sides and told of once,
// whatever is done that meets them; the operator reads both, in ASCII.
func TestPIN13_ClashesAreToldOfOnce(t *testing.T) {
	var log bytes.Buffer
	w := new(world).
		offers("a", "tool send approved", "tool \uff53end approved", "tool other approved", "resource docs://x approved", "template t://{a} approved").
		offers("b", "tool caf\u00e9 approved", "tool cafe\u0301 approved", "resource docs://x approved", "template t://{b} approved")
	w.log = slog.New(slog.NewTextHandler(&log, nil))
	s := w.stage()
	for range 3 {
		for _, ask := range [][2]string{
			{"tools", ""}, {"tools/call", "a__send"}, {"tools/call", "a__\uff53end"}, {"resources", ""}, {"resources/read", "docs://x"}, {"resources/read", "t://1"},
		} {
			ex := exchange(ask[0], ask[1])
			v, err := s.Judge(t.Context(), ex)
			if err != nil || (v.Effect == gate.Continue) != (ask[1] == "") {
				t.Fatalf("%s %s: %+v, %v", ask[0], ask[1], v, err)
			}
			for _, it := range ex.Target.Items {
				if it.Name != "other" {
					t.Errorf("%s is listed", it.Path())
				}
			}
		}
	}
	var got []string
	for _, e := range w.events {
		if e.Kind != "name.blocked" || e.Actor != "doorward" || e.Status != "refused" || e.Exchange != "e1" {
			t.Errorf("event %+v", e)
		}
		got = append(got, e.Upstream+": "+e.Detail)
	}
	const end = ": neither is shown or called"
	want := []string{
		`a: tool "a/\uff53end" looks like "a/send"` + end,
		`b: tool "b/cafe\u0301" looks like "b/caf\u00e9"` + end,
		`b: resource "b/docs://x" looks like "a/docs://x"` + end,
		`b: template "b/t://{b}" looks like "a/t://{a}"` + end,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if n := strings.Count(log.String(), "look alike"); n != len(want) {
		t.Errorf("the log tells %d times:\n%s", n, log.String())
	}
}

// An upstream that makes up clashes by the thousand fills neither log nor memory.
func TestClashesThatAreToldOfAreBounded(t *testing.T) {
	w := new(world).offers("own", "tool x approved", "tool X approved")
	for i := range 1000 {
		w.offers("hostile", fmt.Sprintf("tool t%d approved", i), fmt.Sprintf("tool T%d approved", i))
	}
	s := w.stage()
	for range 2 {
		ex := exchange("tools", "")
		if _, err := s.Judge(t.Context(), ex); err != nil || len(ex.Target.Items) != 0 {
			t.Fatalf("%v, %d are listed", err, len(ex.Target.Items))
		}
	}
	if len(w.events) != 65 || w.events[64].Upstream != "own" {
		t.Errorf("%d events, the last about %s: want 64 and the one of another upstream", len(w.events), w.events[len(w.events)-1].Upstream)
	}
}

// What could not be put on record is told again, and blocked all the same.
func TestAClashThatIsNotOnRecordIsToldAgain(t *testing.T) {
	w := new(world).offers("a", "tool x approved", "tool X approved")
	w.refuse = errors.New("disk full")
	s := w.stage()
	for range 2 {
		ex := exchange("tools", "")
		if _, err := s.Judge(t.Context(), ex); err != nil || len(ex.Target.Items) != 0 {
			t.Fatal(err, ex.Target.Items)
		}
		w.refuse = nil
	}
	if len(w.events) != 1 {
		t.Errorf("%d events", len(w.events))
	}
}
