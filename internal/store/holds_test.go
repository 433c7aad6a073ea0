package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

const heldKey = "00112233445566778899aabbccddeeff"

func TestHoldsAreKeptAndReleased(t *testing.T) {
	dir := t.TempDir()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	want := []store.Hold{
		{ID: store.NewHoldID(), Keys: []string{heldKey}, Reason: "claim 7 O 12/26", By: "uid:0", Created: day},
		{ID: store.NewHoldID(), Since: day, Until: day.Add(time.Hour), Reason: "incident 4", By: "uid:0", Created: day},
	}
	for _, one := range want {
		if err := store.NewHolds(dir).Add(one); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.NewHolds(dir).List()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if store.NewHolds(dir).Add(want[0]) == nil {
		t.Error("one was added twice")
	}
	if info, err := os.Stat(filepath.Join(dir, "holds.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := store.NewHolds(dir).Release(want[0].ID); err != nil {
		t.Fatal(err)
	}
	if got, err := store.NewHolds(dir).List(); err != nil || len(got) != 1 || got[0].ID != want[1].ID {
		t.Errorf("left: %+v, %v", got, err)
	}
	if store.NewHolds(dir).Release(want[0].ID) == nil {
		t.Error("one was released twice")
	}
}

func TestHoldsThatCannotBe(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, one := range map[string]store.Hold{
		"no reason":        {ID: "h_1", Keys: []string{heldKey}},
		"a long reason":    {ID: "h_1", Keys: []string{heldKey}, Reason: strings.Repeat("x", 257)},
		"of nobody":        {ID: "h_1", Reason: "x"},
		"of both":          {ID: "h_1", Reason: "x", Subject: "alice", Since: day, Until: day.Add(1)},
		"no end":           {ID: "h_1", Reason: "x", Since: day},
		"an earlier end":   {ID: "h_1", Reason: "x", Since: day, Until: day},
		"something else":   {ID: "h_1", Reason: "x", Keys: []string{"alice"}},
		"a key of another": {ID: "h_1", Reason: "x", Keys: []string{heldKey + "00"}},
	} {
		t.Run(name, func(t *testing.T) {
			if store.NewHolds(t.TempDir()).Add(one) == nil {
				t.Errorf("%+v was added", one)
			}
		})
	}
	for _, text := range []string{"", "{}", `{"version":2,"holds":[]}`, `{"version":1,"holds":[{"id":"h_1"}]}`, `{"version":1,"more":1}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "holds.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, err := store.NewHolds(dir).List(); err == nil {
			t.Errorf("%q is %+v", text, all)
		}
	}
}

// The turn is one for all processes on a directory: while one has it no other gets it,
// and one that waits comes before the one that had it.
func TestOneHasTheTurn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, other := store.NewHolds(dir), store.NewHolds(dir)
	free, err := one.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []*store.Holds{one, other} {
		ctx, done := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if _, err := h.Turn(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second has it: %v", err)
		}
		done()
	}
	order := make(chan string, 2)
	var wg sync.WaitGroup
	take := func(name string, h *store.Holds) {
		free, err := h.Turn(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		order <- name
		free()
	}
	wg.Go(func() { take("who waited", other) })
	storetest.Eventually(t, 10*time.Second, "it is next", func() bool { return isLocked(t, filepath.Join(dir, "holds.next")) })
	wg.Go(func() {
		free()
		take("who had it", one)
	})
	wg.Wait()
	if first := <-order; first != "who waited" {
		t.Errorf("%s had it first", first)
	}
}

// isLocked tells whether somebody has a lock.
func isLocked(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK)
}
