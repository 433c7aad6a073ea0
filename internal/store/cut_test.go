package store_test

import (
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

// severed is a wire to a Redis that can be cut in both directions, or for answers alone: what is asked
// arrives then, and nobody hears what came of it.
type severed struct {
	*storetest.Link
	mute atomic.Bool
}

func sever(t *testing.T, s *storetest.Server) *severed {
	t.Helper()
	w := &severed{}
	w.Link = storetest.NewLink(t, s.Addr, func(answer []byte) []byte {
		if w.mute.Load() {
			return nil
		}
		return answer
	})
	return w
}

// cuts are the ways to cut it, each with whether what is asked meanwhile is carried out.
var cuts = []struct {
	name      string
	cut, mend func(*severed)
	arrives   bool
}{
	{"both ways", func(w *severed) { w.Stall() }, func(w *severed) { w.Flow() }, false},
	{"answers alone", func(w *severed) { w.mute.Store(true) }, func(w *severed) { w.mute.Store(false) }, true},
}

// TestDUR25_NoncesAcrossACut asks for a nonce at a gateway that is cut off, and then at another one: the
// first refuses, and both together take it once at most, also when the wire is mended.
func TestDUR25_NoncesAcrossACut(t *testing.T) {
	t.Parallel()
	for _, tc := range cuts {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Redis(t)
			w := sever(t, s)
			away, there := store.NewRedisNonces(openRedis(t, s.URLAt(w.Addr)), 0), store.NewRedisNonces(openRedis(t, s.URL()), 0)
			made := time.Now().Truncate(time.Second).Add(2 * time.Second)
			until := made.Add(10 * time.Minute)
			if fresh, err := away.Use(t.Context(), "before", made, until); !fresh || err != nil {
				t.Fatalf("before the cut: %v, %v", fresh, err)
			}
			tc.cut(w)
			if fresh, err := away.Use(t.Context(), "key", made, until); fresh || err == nil {
				t.Errorf("where nothing answers: %v, %v", fresh, err)
			}
			if fresh, err := there.Use(t.Context(), "key", made, until); fresh == tc.arrives || err != nil {
				t.Errorf("at the other: %v, %v; that it was asked for has arrived: %v", fresh, err, tc.arrives)
			}
			if fresh, err := there.Use(t.Context(), "before", made, until); fresh || err != nil {
				t.Errorf("what was used before, at the other: %v, %v", fresh, err)
			}
			tc.mend(w)
			storetest.Eventually(t, 5*time.Second, "it recovers", func() bool { return away.Healthy(t.Context()) == nil })
			for _, n := range []storetest.Nonces{away, there} {
				if fresh, err := n.Use(t.Context(), "key", made, until); fresh || err != nil {
					t.Errorf("after the cut: %v, %v", fresh, err)
				}
			}
		})
	}
}

// TestDUR25_ApprovalsAcrossACut uses an approval at a gateway that is cut off, and then at another one:
// the first refuses, and both together use it once at most, also when the wire is mended.
func TestDUR25_ApprovalsAcrossACut(t *testing.T) {
	t.Parallel()
	for _, tc := range cuts {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Redis(t)
			w := sever(t, s)
			away, err := store.OpenRedisApprovals(t.Context(), openRedis(t, s.URLAt(w.Addr)), approvalsKey)
			if err != nil {
				t.Fatal(err)
			}
			defer closing(t, away)
			there := openSharedApprovals(t, s)
			waits := askFor(t, away, 2)
			grantIt(t, away, askFor(t, away, 1).ID)
			tc.cut(w)
			if _, used, err := away.Use(t.Context(), asking(1).Binding); used || err == nil {
				t.Errorf("where nothing answers: %v, %v", used, err)
			}
			uses := 0
			use := func(a *store.Approvals) {
				t.Helper()
				_, used, err := a.Use(t.Context(), asking(1).Binding)
				if err != nil {
					t.Error(err)
				}
				if used {
					uses++
				}
			}
			use(there)
			use(there)
			grantIt(t, there, waits.ID)
			tc.mend(w)
			storetest.Eventually(t, 5*time.Second, "it recovers", func() bool { return away.Healthy(t.Context()) == nil })
			use(away)
			use(there)
			if uses > 1 || uses == 0 && !tc.arrives {
				t.Errorf("an approval is used %d times", uses)
			}
			if _, used, err := away.Use(t.Context(), asking(2).Binding); !used || err != nil {
				t.Errorf("what was granted at the other meanwhile: %v, %v", used, err)
			}
		})
	}
}
