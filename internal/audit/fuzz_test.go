package audit

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"doorward/internal/gate"
)

// FuzzReader: reading a line never panics, and a line that is accepted is the
// one spelling of its record: it re-encodes to the same bytes.
func FuzzReader(f *testing.F) {
	r := Record{
		Seq: 1, Time: time.Unix(1, 5), Kind: KindOutcome, Detail: "é\u2028\"\\\n\U0001f600", Remote: netip.MustParseAddr("2001:db8::1"),
		Principal: Principal{Subject: "a"}, Pin: gate.Digest{1}, Duration: time.Second, BytesIn: 12,
		Unavailable: []string{"a", "é\u2028\""},
	}
	f.Add(r.AppendJSON(nil))
	r.Weaker = []string{"landlock", "é"}
	r.Cached = "é"
	r.Sealed, r.Observed, r.Rule, r.Approval = []byte("sealed\xff"), []string{"a", "é"}, "roles.a: b", "ap_1"
	r.Findings = []string{"secret.jwt high /arguments/x"}
	r.Groups, r.Roles, r.Scopes = []string{"g"}, []string{"r"}, []string{"s", "t"}
	f.Add(r.AppendJSON(nil))
	r.Act, r.Trace, r.Span = []gate.Actor{{Subject: "a", Client: "c"}, {Subject: "b\u2028", Issuer: "i"}}, [16]byte{1}, [8]byte{2}
	r.Stages = []gate.StageTime{{Name: "authorize", Time: time.Millisecond}, {Name: "decode", Time: time.Second}}
	r.Fields = []Kept{{Path: "/a", As: AsNone}, {Path: "/b", As: AsPlain, Value: `"x"`}}
	f.Add(r.AppendJSON(nil))
	r.Sealed, r.Plain = nil, []byte{}
	f.Add(r.AppendJSON(nil))
	f.Add([]byte(`{"kind":"x","prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":1,"time":"2026-01-01T00:00:00.000000000Z"}`))
	f.Add([]byte(`{"kind":"x","prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":1,"time":"2026-01-01T00:00:00.000000000Z","unavailable":[]}`))
	f.Add([]byte(`{"kind":"\ud800\u0041","seq":01}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var d decoder
		var r Record
		if d.decode(line, &r) != nil {
			return
		}
		if got := r.AppendJSON(nil); !bytes.Equal(got, line) {
			t.Errorf("accepted %q, which re-encodes to %q", line, got)
		}
		if bytes.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("accepted %q, which is not printable ASCII", line)
		}
	})
}

// FuzzEncoder: any text survives the way into the log and back, but for what is
// not UTF-8.
func FuzzEncoder(f *testing.F) {
	f.Add("plain")
	f.Add("\u2028\"\\\x00\xff\U0010ffff\ufffd")
	f.Fuzz(func(t *testing.T, text string) {
		want := string(bytes.ToValidUTF8([]byte(text), nil))
		if want != text {
			return
		}
		in := Record{Seq: 1, Time: time.Unix(1, 0), Kind: KindEvent, Item: text, Unavailable: []string{text}, Plain: []byte(text), Sealed: []byte(text)}
		var d decoder
		var out Record
		if err := d.decode(in.AppendJSON(nil), &out); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if out.Item != text || out.Unavailable[0] != text || string(out.Plain) != text || string(out.Sealed) != text {
			t.Errorf("got %q, want %q", out.Item, text)
		}
	})
}

// FuzzLedgerMark: reading a mark never panics, and one that is accepted says the same
// when it is written and read again.
func FuzzLedgerMark(f *testing.F) {
	f.Add((&ledgerMark{}).text())
	f.Add((&ledgerMark{seq: 7, owed: Owed{1, 2, Generations{3, 4, 5, 6, 8}, 7}, holds: map[string]bool{"h_1": true, "": true}}).text())
	f.Fuzz(func(t *testing.T, text []byte) {
		var m, again ledgerMark
		if m.parse(text) != nil {
			return
		}
		if err := again.parse(m.text()); err != nil || !reflect.DeepEqual(m, again) {
			t.Errorf("%+v is read again as %+v, %v", m, again, err)
		}
	})
}
