package index_test

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/index"
)

// collected is what a search yields, as lines.
func collected(read func(yield func(*audit.Record) error) error) (all []string, err error) {
	err = read(func(r *audit.Record) error {
		all = append(all, string(r.AppendJSON(nil)))
		return nil
	})
	return all, err
}

// same tells what an answer with the index has and one without it has not.
func (x *fixture) same(t *testing.T, q audit.Query) (found int) {
	t.Helper()
	want, err := collected(func(yield func(*audit.Record) error) error { return audit.Read(t.Context(), x.dir, q, yield) })
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&x.out, nil))
	got, err := collected(func(yield func(*audit.Record) error) error { return index.Read(t.Context(), x.dir, q, log, yield) })
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%+v: %d records with the index, %d without, %v: %s", q, len(got), len(want), err, cmp.Diff(want, got))
	}
	return len(got)
}

// query asks for parts of some record, and for others that nothing has.
func query(r *rand.Rand, ring *audit.Keyring, all []audit.Record) audit.Query {
	one := pick(r, all)
	q := audit.Query{Newest: r.IntN(2) == 0}
	for range 1 + r.IntN(3) {
		part(r, ring, &one, &q)
	}
	switch r.IntN(6) {
	case 0:
		q.Since = one.Time
	case 1:
		q.Until = one.Time
	case 2:
		q.Since, q.Until = one.Time, one.Time.Add(time.Duration(r.IntN(10))*time.Millisecond)
	}
	if r.IntN(3) == 0 {
		q.Limit = 1 + r.IntN(20)
	}
	return q
}

// part sets one part of a query.
func part(r *rand.Rand, ring *audit.Keyring, one *audit.Record, q *audit.Query) {
	switch r.IntN(19) {
	case 0:
		q.Principal = pick(r, people)
		q.Keys = ring.Of(q.Principal)
	case 1:
		q.Key = one.Key
	case 2:
		q.Principal = one.Principal.Credential
	case 3:
		q.Upstream = one.Upstream
	case 4:
		q.Item = one.Item
	case 5:
		q.Code = string(pick(r, codes))
	case 6:
		q.Exchange = one.Exchange
	case 7:
		q.Kind = one.Kind
	case 8:
		q.Event = one.Event
	case 9:
		q.Status = one.Status
	case 10:
		q.Rule, _, _ = strings.Cut(one.Rule, ": all")
	case 11:
		q.Approval, _, _ = strings.Cut(one.Detail, ":")
	case 12:
		for _, k := range one.Fields {
			if k.As == audit.AsHashed {
				q.Hash = k.Value
			}
		}
	case 13:
		q.Trace = hex.EncodeToString(one.Trace[:])
	case 14:
		q.Observed = r.IntN(2) == 0
		q.Findings = !q.Observed
	case 15:
		q.Weaker = true
	default:
		q.Words = append(q.Words, word(r, one))
	}
}

// word is a piece of some text of a record, perhaps in another case; or a word that is
// too short for the index, or that nobody says.
func word(r *rand.Rand, one *audit.Record) string {
	var texts []string
	for text := range one.Texts {
		if len(text) > 0 {
			texts = append(texts, text)
		}
	}
	text := []rune(pick(r, texts))
	from := r.IntN(len(text))
	w := string(text[from:min(len(text), from+1+r.IntN(9))])
	switch r.IntN(6) {
	case 0:
		return strings.ToUpper(w)
	case 1:
		return strings.ToLower(w)
	case 2:
		return w + "~"
	}
	return w
}

// asked is how many random queries a test makes; DOORWARD_INDEX_QUERIES says another
// number (5,000 for the whole of it).
func asked(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DOORWARD_INDEX_QUERIES")
	if text == "" {
		return 24
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// For any query the answer with the index is the answer without it: in parts, in holes
// between them, and behind the last one.
func TestTheIndexChangesNoAnswer(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	queries := asked(t)
	for _, plain := range []bool{false, true} {
		x := newFixture(t, plain)
		x.fill(t, r, 240)
		x.once(t)
		x.fill(t, r, 30)
		all := x.records(t)
		parts, err := index.Parts(t.Context(), x.dir)
		if err != nil || len(parts) < 5 {
			t.Fatalf("parts %v, %v", parts, err)
		}
		for _, year := range []int{1, 1600, 1677, 1678, 2262, 2263, 3000, 9999} {
			at := time.Date(year, 1, 2, 0, 0, 0, 0, time.UTC)
			x.same(t, audit.Query{Until: at})
			x.same(t, audit.Query{Since: at})
		}
		hits := 0
		for range queries {
			if x.same(t, query(r, x.ring, all)) > 0 {
				hits++
			}
		}
		if hits < queries/5 {
			t.Errorf("only %d queries found anything", hits)
		}
		if x.out.Len() > 0 {
			t.Errorf("it warned: %s", &x.out)
		}
	}
}

func (x *fixture) records(t *testing.T) (all []audit.Record) {
	t.Helper()
	err := audit.Read(context.Background(), x.dir, audit.Query{}, func(r *audit.Record) error {
		all = append(all, *r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Whatever bytes of the file are others, or missing, no answer has a record less.
func TestADamagedIndexChangesNoAnswer(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	x := newFixture(t, true)
	x.fill(t, r, 120)
	x.once(t)
	all := x.records(t)
	path := index.Path(x.dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	warned := 0
	for i := range asked(t) {
		damaged := slices.Clone(whole)
		if i%10 == 9 {
			damaged = damaged[:r.IntN(len(damaged))]
		} else {
			from := r.IntN(len(damaged))
			for j := range damaged[from:min(len(damaged), from+1<<r.IntN(15))] {
				damaged[from+j] ^= byte(1 + r.IntN(255))
			}
		}
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		x.same(t, query(r, x.ring, all))
		if x.out.Len() > 0 {
			warned++
		}
		x.out.Reset()
	}
	if warned < asked(t)/4 {
		t.Errorf("only %d of the damaged files were told of", warned)
	}
}

// A yield that stops ends the search, and its own error is the search's.
func TestSearchEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	x := newFixture(t, true)
	x.fill(t, rand.New(rand.NewPCG(5, 6)), 80)
	x.once(t)
	other := errors.New("the pipe is closed")
	for _, tc := range []struct{ give, want error }{{audit.ErrStop, nil}, {other, other}} {
		for _, newest := range []bool{false, true} {
			n := 0
			err := index.Read(t.Context(), x.dir, audit.Query{Upstream: "files", Newest: newest}, slog.New(slog.DiscardHandler), func(*audit.Record) error {
				n++
				return tc.give
			})
			if n != 1 || !errors.Is(err, tc.want) {
				t.Errorf("%v, newest %t: %d records, %v", tc.give, newest, n, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := index.Read(ctx, x.dir, audit.Query{Upstream: "files"}, slog.New(slog.DiscardHandler), func(*audit.Record) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}
