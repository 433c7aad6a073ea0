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
			one, other := settled(gate.BeginTrace(h)), settled(gate.BeginTrace(h))
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

// settled is the trace of somebody who is known.
func settled(t gate.Trace) gate.Trace {
	t.Settle(&gate.Principal{Method: gate.MethodAPIKey})
	return t
}

// LOG-11: a stranger puts nothing into the trace of another, and sends nothing along.
func TestLOG11_AStrangersTraceIsOnlyLinkedTo(t *testing.T) {
	begun := said(http.Header{}, `"a=1"`)
	for name, p := range map[string]*gate.Principal{"nobody": nil, "anybody": {Method: gate.MethodAnonymous}} {
		got := begun
		got.Settle(p)
		if got.TraceID() == traceID || got.Parent != [8]byte{} || got.Settled() || got.State() != "" || got.Remote == nil || hex.EncodeToString(got.Remote.ID[:]) != traceID {
			t.Errorf("%s: %+v of %+v", name, got, got.Remote)
		}
	}
	got := settled(begun)
	if got.State() != "a=1" || got.Parents() != "00-"+traceID+"-"+hex.EncodeToString(got.Call[:])+"-00" || got.Sampled {
		t.Errorf("of somebody known: %s with %s", got.Parents(), got.State())
	}
	if got.Sampled = true; !strings.HasSuffix(got.Parents(), "-01") {
		t.Errorf("sampled: %s", got.Parents())
	}
}

// said is the trace of a message that came with these headers, and with a valid traceparent and
// this token for tracestate in its _meta.
func said(h http.Header, state string) gate.Trace {
	parent := `"00-` + traceID + "-" + parentID + `-01"`
	m := &gate.Message{Raw: []byte(parent + state), Meta: []gate.Field{
		{Name: "traceparent", Value: gate.Span{End: len(parent)}}, {Name: "tracestate", Value: gate.Span{Start: len(parent), End: len(parent) + len(state)}},
	}}
	return gate.BeginTrace(h).Of(m)
}

// LOG-11: nobody has looked at what a header says beside the ids.
func TestLOG11_TracestateOfAHeaderIsNotTaken(t *testing.T) {
	h := http.Header{"Traceparent": {"00-" + traceID + "-" + parentID + "-01"}, "Tracestate": {"a=1"}}
	if got := settled(gate.BeginTrace(h)); got.State() != "" || !got.Settled() {
		t.Errorf("of a header: %q", got.State())
	}
	if got := settled(said(h, `7`)); got.State() != "" || !got.Settled() {
		t.Errorf("of a header beside a message: %q", got.State())
	}
}

func TestIsTraceparent(t *testing.T) {
	good := "00-" + traceID + "-" + parentID + "-01"
	for text, want := range map[string]bool{good: true, "cc" + good[2:] + "-CANARY": false, good[1:]: false, "00-CANARY": false, "": false} {
		if gate.IsTraceparent(text) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

// The cases are those of W3C Trace Context §3.3 and its bounds.
func TestTracestate(t *testing.T) {
	for _, tc := range []struct{ sent, want string }{
		{"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"},
		{" a@b=x y , , c*/-_=z ", "a@b=x y , , c*/-_=z"},
		{"", ""},
		{",", ""},
		{"a", ""},
		{"=1", ""},
		{"a=", ""},
		{"A=1", ""},
		{"a b=1", ""},
		{"a=1=2", ""},
		{"a=\x01", ""},
		{"a=\r\nSet-Cookie: b", ""},
		{"a=\u00fc", ""},
		{"a=\x7f", ""},
		{"a=" + strings.Repeat("x", 256), "a=" + strings.Repeat("x", 256)},
		{"a=" + strings.Repeat("x", 257), ""},
		{strings.Repeat("a=1,", 31) + "b=2", strings.Repeat("a=1,", 31) + "b=2"},
		{strings.Repeat("a=1,", 32) + "b=2", ""},
		{strings.Repeat("a=1234567890123456,", 28), ""},
	} {
		if got := settled(said(http.Header{}, `"`+tc.sent+`"`)); got.State() != tc.want {
			t.Errorf("%q: got %q, want %q", tc.sent, got.State(), tc.want)
		}
	}
}

// The cases are those of W3C Baggage §3.3 and its bounds.
func TestBaggage(t *testing.T) {
	for _, tc := range []struct {
		sent  string
		taken bool
	}{
		{`"userId=alice,serverNode=DF%2028,isProduction=false"`, true},
		{`"k = v ; p=1; q"`, true},
		{`"k="`, true},
		{`""`, false},
		{`"k"`, false},
		{`"=v"`, false},
		{`"k y=v"`, false},
		{`"k=\u000d"`, false},
		{`"k=ü"`, false},
		{`7`, false},
		{`{"k":"v"}`, false},
		{`"`, false},
		{`"` + strings.Repeat("k=v,", 63) + `k=v"`, true},
		{`"` + strings.Repeat("k=v,", 64) + `k=v"`, false},
		{`"k=` + strings.Repeat("v", 8192) + `"`, false},
	} {
		m := &gate.Message{Raw: []byte(tc.sent), Meta: []gate.Field{{Name: "baggage", Value: gate.Span{End: len(tc.sent)}}}}
		if got := gate.Baggage(m); (got != "") != tc.taken || tc.taken && got != strings.Trim(tc.sent, `"`) {
			t.Errorf("%.80s: got %.80q", tc.sent, got)
		}
	}
	if got := gate.Baggage(&gate.Message{}); got != "" {
		t.Errorf("without any: %q", got)
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
		got := settled(came.Of(m))
		if hex.EncodeToString(got.ID[:]) != want || got.Span != came.Span {
			t.Errorf("%s: got %x, want %s", sent, got.ID, want)
		}
	}
	if got := came.Of(&gate.Message{}); got != came {
		t.Errorf("without one: got %+v", got)
	}
	came = settled(came)
	if next := came.Next(); next.ID != came.ID || next.Parent != came.Parent || next.Span == came.Span {
		t.Errorf("another exchange of the request: %+v, of %+v", next, came)
	}
}

// FuzzTraceparent: whatever comes, there is a trace; it is the client's only where the
// header says exactly that.
func FuzzTraceparent(f *testing.F) {
	f.Add("00-" + traceID + "-" + parentID + "-01")
	f.Add("cc-" + traceID + "-" + parentID + "-01-x")
	f.Fuzz(func(t *testing.T, s string) {
		got := settled(gate.BeginTrace(http.Header{"Traceparent": {s}}))
		if got.ID == [16]byte{} || got.Span == [8]byte{} {
			t.Fatal("no trace")
		}
		if got.Parent != [8]byte{} && !strings.HasPrefix(s[2:], "-"+hex.EncodeToString(got.ID[:])+"-"+hex.EncodeToString(got.Parent[:])+"-") {
			t.Errorf("%q: got %x under %x", s, got.ID, got.Parent)
		}
	})
}
