package audit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/audit"
	"doorward/internal/gate"
)

func TestReadMatches(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 10)
	for _, tc := range []struct {
		name string
		q    audit.Query
		want int
	}{
		{"all", audit.Query{}, 21},
		{"kind", audit.Query{Kind: audit.KindIntent}, 10},
		{"exchange", audit.Query{Exchange: "x3"}, 2},
		{"limit", audit.Query{Kind: audit.KindIntent, Limit: 4}, 4},
		{"subject", audit.Query{Principal: "alice"}, 20},
		{"credential", audit.Query{Principal: "k_0123456789"}, 20},
		{"nobody", audit.Query{Principal: "bob"}, 0},
		{"upstream", audit.Query{Upstream: "files"}, 20},
		{"tenant", audit.Query{Tenant: "acme"}, 0},
		{"item", audit.Query{Item: "read"}, 20},
		{"status", audit.Query{Status: "ok"}, 10},
		{"code", audit.Query{Code: "tool.held"}, 0},
		{"since", audit.Query{Since: time.Now().Add(time.Hour)}, 0},
		{"until", audit.Query{Until: time.Now().Add(time.Hour)}, 21},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := len(read(t, cfg.Dir, tc.q)); got != tc.want {
				t.Errorf("got %d records, want %d", got, tc.want)
			}
		})
	}
}

func TestTailGivesTheLastAcrossSegments(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 4 << 10
	fillLog(t, cfg, 30)
	all := read(t, cfg.Dir, audit.Query{})
	for _, n := range []int{0, 1, 2, 7, 20, len(all), len(all) + 5} {
		var got []uint64
		err := audit.Tail(t.Context(), cfg.Dir, n, false, func(r *audit.Record) error {
			got = append(got, r.Seq)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var want []uint64
		for _, r := range all[len(all)-min(n, len(all)):] {
			want = append(want, r.Seq)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("last %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestTailFollowsAcrossRotation(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.SegmentBytes = 4 << 10
	l := open(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan uint64)
	ended := make(chan error, 1)
	go func() {
		ended <- audit.Tail(ctx, cfg.Dir, 1, true, func(r *audit.Record) error {
			select {
			case seen <- r.Seq:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	if first := <-seen; first != 1 {
		t.Fatalf("begins at %d", first)
	}
	go func() {
		for i := range 40 {
			if err := l.Event(ctx, gate.Event{Kind: "test", Detail: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		}
	}()
	for want := uint64(2); want <= 40; want++ {
		if got := <-seen; got != want {
			t.Fatalf("got record %d, want %d", got, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Tail ended with %v", err)
	}
}

func TestReadStops(t *testing.T) {
	cfg := config(t.TempDir())
	fillLog(t, cfg, 3)
	own := errors.New("own")
	for _, stop := range []error{own, audit.ErrStop} {
		n := 0
		err := audit.Read(t.Context(), cfg.Dir, audit.Query{}, func(*audit.Record) error {
			n++
			return stop
		})
		if n != 1 || (stop == own) != errors.Is(err, own) { //nolint:errorlint // which of the two it is
			t.Errorf("%v: %d records, error %v", stop, n, err)
		}
	}
}
