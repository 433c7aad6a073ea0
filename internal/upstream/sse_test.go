package upstream

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// readAll is what a stream holds: the events, the last id, retry and the error.
func readAll(r io.Reader, limit int64) (events []string, lastID string, retry time.Duration, err error) {
	s := newSSEReader(r, limit, idleBuffer)
	for {
		ev, err := s.next()
		if err != nil {
			return events, s.lastID, s.retry, err
		}
		events = append(events, ev.name+"|"+string(ev.data))
	}
}

func TestSSE(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		want     []string
		lastID   string
		retry    time.Duration
		err      error
	}{
		{name: "one", in: "event: message\ndata: {}\n\n", want: []string{"message|{}"}},
		{name: "no final newline", in: "data: a\n\ndata: b", want: []string{"|a"}},
		{name: "no blank line at the end", in: "data: a\n", want: nil},
		{name: "mixed line ends", in: "data: a\r\rdata: b\r\n\r\ndata: c\n\n", want: []string{"|a", "|b", "|c"}},
		{name: "many data lines", in: "data: a\ndata:b\ndata:  c\n\n", want: []string{"|a\nb\n c"}},
		{name: "comments", in: ": hi\n:\ndata: a\n: more\n\n", want: []string{"|a"}},
		{name: "bom", in: "\ufeffdata: a\n\n", want: []string{"|a"}},
		{name: "priming event", in: "id: 1\ndata:\n\n", lastID: "1"},
		{name: "id with NUL", in: "id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", want: []string{"|a", "|b"}, lastID: "1"},
		{name: "id of a cut event", in: "id: 1\ndata: a\n\nid: 2\ndata: b", want: []string{"|a"}, lastID: "1"},
		{name: "retry 0", in: "retry: 0\ndata: a\n\n", want: []string{"|a"}, retry: minRetry},
		{name: "retry huge", in: "retry: 4000000000\n\n", retry: maxRetry},
		{name: "retry not a number", in: "retry: -5\nretry: +5\nretry: 1e9\nretry:\n\n"},
		{name: "unknown field and type", in: "event: x\nfoo: y\ndata: a\n\n", want: []string{"x|a"}},
		{name: "event too large", in: "data: " + strings.Repeat("x", 101) + "\n\n", err: errTooLarge},
		{name: "event too large in many lines", in: strings.Repeat("data: "+strings.Repeat("x", 40)+"\n", 5) + "\n", err: errTooLarge},
		{name: "line without end", in: strings.Repeat("x", 1000), err: errTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tc.in), iotest.OneByteReader(strings.NewReader(tc.in))} {
				got, lastID, retry, err := readAll(r, 100)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
				if lastID != tc.lastID || retry != tc.retry {
					t.Errorf("last id %q, retry %v; want %q, %v", lastID, retry, tc.lastID, tc.retry)
				}
				want := tc.err
				if want == nil {
					want = io.EOF
				}
				if !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
			}
		})
	}
}

// FuzzSSE: what is read does not depend on how the bytes are cut into reads,
// and no event exceeds the bound.
func FuzzSSE(f *testing.F) {
	for _, s := range []string{"data: a\r\n\r\n", "\ufeffid: 1\rdata: b\r\r", "retry: 5\n: c\ndata\n\n", "data: a\ndata: b\n\nid\n\n"} {
		f.Add(s)
	}
	const limit = 64
	f.Fuzz(func(t *testing.T, in string) {
		whole, id1, retry1, err1 := readAll(strings.NewReader(in), limit)
		bytewise, id2, retry2, err2 := readAll(iotest.OneByteReader(strings.NewReader(in)), limit)
		halves, id3, retry3, err3 := readAll(iotest.HalfReader(strings.NewReader(in)), limit)
		if diff := cmp.Diff(whole, bytewise) + cmp.Diff(whole, halves); diff != "" {
			t.Errorf("events depend on the reads:\n%s", diff)
		}
		if id1 != id2 || id1 != id3 || retry1 != retry2 || retry1 != retry3 {
			t.Error("id or retry depend on the reads")
		}
		if !errors.Is(err1, err2) || !errors.Is(err1, err3) {
			t.Errorf("errors differ: %v, %v, %v", err1, err2, err3)
		}
		for _, e := range whole {
			if _, data, _ := strings.Cut(e, "|"); len(data) > limit && !strings.Contains(e, "\n") {
				t.Errorf("event of %d bytes", len(e))
			}
		}
	})
}

// A stream on which a client listens, and nothing may come for days, keeps little memory.
func TestBufferOfAListen(t *testing.T) {
	t.Parallel()
	for method, most := range map[string]int{methodListen: 4 << 10, methodCall: 16 << 10} {
		if got := newSSEReader(nil, 1, (&outgoing{method: method}).buffer()).br.Size(); got > most {
			t.Errorf("the stream of %s keeps %d bytes, want %d at most", method, got, most)
		}
	}
}
