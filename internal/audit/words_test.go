package audit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

// Words find what can be read of a record, and never what is sealed; both orders find
// the same, across segments.
func TestSearchByWords(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 4 << 10
	cfg.Fields = map[string][]audit.Field{"files/read": {{Path: "/sql", How: audit.Plain}, {Path: "/pin", How: audit.Hashed}}}
	l := open(t, cfg)
	for i := range 12 {
		ex := calling(fmt.Sprintf("x%d", i), fmt.Sprintf(`{"sql":"SELECT stra\u00dfe%d","pin":"hidden","rest":"hidden"}`, i))
		ex.Grant.Rule = "roles.reader.allow[0]: Größe " + fmt.Sprint(i%2)
		ev := gate.Event{Kind: "trust.approve", Actor: "ann", Detail: "Kelvin \u212a", Status: "ok", Principal: ex.Principal}
		if err := errors.Join(l.Intent(t.Context(), ex), l.Event(t.Context(), ev)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		words string
		want  int
	}{
		{"", 24 + 1}, // and the start of the process; those of segments are counted apart
		{"select", 12},
		{"SELECT READER größe", 12},
		{"GRÖSSE", 0}, // ß folds to no two letters
		{`stra\u00DFE11`, 1},
		{"allow[0] 1", 12},
		{"kelvin k", 12},
		{"hidden", 0},
		{"alice", 0},
		{"ann trust.approve", 12},
		{"select approve", 0},
	} {
		q := audit.Query{Words: strings.Fields(tc.words)}
		all := seqs(t, cfg.Dir, q)
		starts := 0
		if tc.words == "" {
			starts = len(seqs(t, cfg.Dir, audit.Query{Kind: audit.KindStart})) - 1
		}
		if len(all)-starts != tc.want {
			t.Errorf("%q: %d records, want %d", tc.words, len(all)-starts, tc.want)
		}
		for _, limit := range []int{0, 1, 5, 100} {
			want := slices.Clone(all)
			slices.Reverse(want)
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			q.Newest, q.Limit = true, limit
			if got := seqs(t, cfg.Dir, q); !slices.Equal(got, want) {
				t.Errorf("%q: the newest %d are %v, want %v", tc.words, limit, got, want)
			}
		}
	}
}

func seqs(t *testing.T, dir string, q audit.Query) (all []uint64) {
	t.Helper()
	err := audit.Read(t.Context(), dir, q, func(r *audit.Record) error {
		all = append(all, r.Seq)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
