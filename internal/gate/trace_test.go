package gate_test

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"doorward/internal/gate"
)

const (
	traceID  = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentID = "00f067aa0ba902b7"
)

// The cases are those of W3C Trace Context, §3.2 and §4.3.
func TestTraceparent(t *testing.T) {
	good := "00-" + traceID + "-" + parentID + "-01"
	for _, tc := range []struct {
		name  string
		sent  []string
		taken bool
	}{
		{"of version 00", []string{good}, true},
		{"of a later version", []string{"cc" + good[2:]}, true},
		{"of a later version with more behind it", []string{"cc" + good[2:] + "-what-comes"}, true},
		{"of version 00 with more behind it", []string{good + "-more"}, false},
		{"of a later version with more that is not apart", []string{"cc" + good[2:] + "0"}, false},
		{"of no version", []string{"ff" + good[2:]}, false},
		{"twice", []string{good, good}, false},
		{"absent", nil, false},
		{"empty", []string{""}, false},
		{"in capitals", []string{strings.ToUpper(good)}, false},
		{"without a trace", []string{"00-" + strings.Repeat("0", 32) + "-" + parentID + "-01"}, false},
		{"without a parent", []string{"00-" + traceID + "-0000000000000000-01"}, false},
		{"with flags that are no number", []string{good[:53] + "0x"}, false},
		{"with other separators", []string{strings.ReplaceAll(good, "-", "_")}, false},
		{"too long", []string{"cc" + good[2:] + "-" + strings.Repeat("a", 512)}, false},
		{"with a space before", []string{" " + good}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := http.Header{"Traceparent": tc.sent}
			one, other := gate.BeginTrace(h), gate.BeginTrace(h)
			if got := hex.EncodeToString(one.ID[:]) == traceID && hex.EncodeToString(one.Parent[:]) == parentID; got != tc.taken {
				t.Errorf("taken is %v, want %v: %x %x", got, tc.taken, one.ID, one.Parent)
			}
			if !tc.taken && (one.ID == [16]byte{} || one.ID == other.ID || one.Parent != [8]byte{}) {
				t.Errorf("what was made is %x and %x under %x", one.ID, other.ID, one.Parent)
			}
			if one.Span == [8]byte{} || one.Span == other.Span || one.Span == one.Parent {
				t.Errorf("the spans are %x and %x", one.Span, other.Span)
			}
		})
	}
}

func TestTheTraceOfAMessage(t *testing.T) {
	other := "af7651916cd43dd8448eb211c80319c6"
	came := gate.BeginTrace(http.Header{"Traceparent": {"00-" + traceID + "-" + parentID + "-01"}})
	for sent, want := range map[string]string{
		`"00-` + other + `-b7ad6b7169203331-00"`: other,
		`"00-` + other + `-b7ad6b7169203331"`:    traceID,
		`7`:                                      traceID,
		`"`:                                      traceID,
		`["00-` + other + `-b7ad6b7169203331-00"]`: traceID,
	} {
		m := &gate.Message{Raw: []byte(sent), Meta: []gate.Field{{Name: "traceparent", Value: gate.Span{End: len(sent)}}}}
		got := came.Of(m)
		if hex.EncodeToString(got.ID[:]) != want || got.Span != came.Span {
			t.Errorf("%s: got %x, want %s", sent, got.ID, want)
		}
	}
	if got := came.Of(&gate.Message{}); got != came {
		t.Errorf("without one: got %x", got)
	}
	if next := came.Next(); next.ID != came.ID || next.Parent != came.Parent || next.Span == came.Span {
		t.Errorf("another exchange of the request: %x, of %x", next, came)
	}
}

// FuzzTraceparent: whatever comes, there is a trace; it is the client's only where the
// header says exactly that.
func FuzzTraceparent(f *testing.F) {
	f.Add("00-" + traceID + "-" + parentID + "-01")
	f.Add("cc-" + traceID + "-" + parentID + "-01-x")
	f.Fuzz(func(t *testing.T, s string) {
		got := gate.BeginTrace(http.Header{"Traceparent": {s}})
		if got.ID == [16]byte{} || got.Span == [8]byte{} {
			t.Fatal("no trace")
		}
		if got.Parent != [8]byte{} && !strings.HasPrefix(s[2:], "-"+hex.EncodeToString(got.ID[:])+"-"+hex.EncodeToString(got.Parent[:])+"-") {
			t.Errorf("%q: got %x under %x", s, got.ID, got.Parent)
		}
	})
}
