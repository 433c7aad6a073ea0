package upstream

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"doorward/internal/gate"
	"doorward/internal/leak"
)

// TestSBX19_WhatIsNotLogged counts what lines cost that are not logged: no memory for each of them.
func TestSBX19_WhatIsNotLogged(t *testing.T) {
	const logged, all = 200, 20_000
	g, _ := guarded(t, false, nil)
	var b strings.Builder
	x := lonely(t, Settings{URL: "http://127.0.0.1"}).newMux(func(*gate.Message) {}, true)
	x.log = slog.New(slog.NewTextHandler(&b, nil))
	made := testing.AllocsPerRun(1, func() {
		b.Reset()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		go func() {
			_, _ = io.WriteString(w, strings.Repeat("noise\n", all))
			_ = w.Close()
		}()
		(&stdioLink{mux: x, stderr: r, secrets: &given{g, leak.New(nil)}}).readErrors()
	})
	if n := strings.Count(b.String(), "line=noise"); n != logged || made > all/4 {
		t.Errorf("%d lines are logged, want %d; %.0f pieces of memory for %d lines", n, logged, made, all)
	}
}

// parts reads one part at a time.
type parts []string

func (p *parts) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	*p = (*p)[1:]
	return n, nil
}

// A line whose beginning was thrown away is thrown away whole: half of a secret would not be found.
func TestSBX19_RestOfALine(t *testing.T) {
	lines := newLineReader(&parts{"one\ntwo\nTOK", "EN=half\nnext\n"}, maxShown)
	n, begun, err := lines.skip()
	if n != 2 || !begun || err != nil {
		t.Errorf("%d lines, begun %v, %v", n, begun, err)
	}
	if rest, err := lines.nextShort(0); len(rest) > 0 || err != nil {
		t.Errorf("the rest is %q, %v", rest, err)
	}
	if line, err := lines.nextShort(maxErrorLine); string(line) != "next" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
}
