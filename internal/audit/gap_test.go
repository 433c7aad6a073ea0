package audit

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// FuzzGap: what a line is read as is what it was written as, byte for byte.
func FuzzGap(f *testing.F) {
	g := gap{first: 7, by: [32]byte{1}, hashes: []tlog.Hash{{2}, {3}}}
	f.Add(g.append(nil))
	f.Add([]byte(gapStart))
	f.Fuzz(func(t *testing.T, line []byte) {
		var g gap
		if g.parse(line) != nil {
			return
		}
		if again := g.append(nil); !bytes.Equal(again, line) || !isGap(line) || g.last() < g.first || len(line) > maxLine {
			t.Errorf("%q is read as %+v", line, g)
		}
	})
}

// FuzzWarrant: what a record says is read as what was written, byte for byte.
func FuzzWarrant(f *testing.F) {
	w := warrant{segment: 3, first: 101, last: 4196, count: 3000, by: [32]byte{4}, of: []warrantClass{
		{Calls, 2800, 9600 * time.Hour, time.Unix(1e9, 5).UTC()}, {Events, 200, time.Hour, time.Unix(1, 0).UTC()},
	}}
	f.Add(w.text())
	f.Add("segment 1, records 1 to 2: 2 pruned, sha256 00")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := parseWarrant(text)
		if err != nil {
			return
		}
		if w.text() != text || len(w.of) >= int(classes) {
			t.Errorf("%q is read as %+v", text, w)
		}
	})
}

// What a record says fits in it with every number at its longest.
func TestAWarrantFitsInARecord(t *testing.T) {
	w := warrant{segment: 1 << 30, first: maxNumber, last: maxNumber, count: maxNumber}
	for c := Calls; c < classes; c++ {
		w.of = append(w.of, warrantClass{c, maxNumber, 87600*time.Hour + 59*time.Minute + 59*time.Second, time.Unix(1e10, 123456789)})
	}
	if n := len(w.text()); n > maxText {
		t.Errorf("%d bytes: %s", n, w.text())
	}
}

// The longest line of a pruned range is one that readers take.
func TestAGapFitsInALine(t *testing.T) {
	g := gap{first: maxNumber, hashes: make([]tlog.Hash, maxGap)}
	line := g.append(nil)
	if len(line) >= maxLine {
		t.Errorf("%d bytes", len(line))
	}
	var again gap
	if err := again.parse(line); err != nil {
		t.Error(err)
	}
}
