package store_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

func fileBudgets(tb testing.TB, dir string) *store.FileBudgets {
	tb.Helper()
	f, err := store.OpenFileBudgets(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestFileBudgets(t *testing.T) {
	storetest.TestBudgets(t, storetest.BudgetKind{
		Run: asItIs,
		New: func(t *testing.T) storetest.BudgetState {
			f := fileBudgets(t, t.TempDir())
			return storetest.BudgetState{Open: func() storetest.Budgets { return f }}
		},
	})
}

func quota(most int64) gate.Budget {
	b := of("alice", most)
	b.Limit, b.Per, b.Lasting = "quota.calls", 24*time.Hour, true
	return b
}

func save(tb testing.TB, f *store.FileBudgets) {
	tb.Helper()
	if err := f.Save(); err != nil {
		tb.Fatal(err)
	}
}

// Quotas outlive the process; rates do not. Nobody's name is in the file.
func TestQuotasOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	f := fileBudgets(t, dir)
	for range 3 {
		takes(t, f, quota(5), of("alice", 3))
	}
	save(t, f)
	takes(t, f, quota(5))
	save(t, f)
	f = fileBudgets(t, dir)
	if left := leftOf(t, f, quota(5)); left != 1 {
		t.Errorf("%d are left, want 1", left)
	}
	if left := leftOf(t, f, of("alice", 3)); left != 3 {
		t.Errorf("%d of the rate are left, want 3", left)
	}
	content, err := os.ReadFile(filepath.Join(dir, "quotas.json"))
	if err != nil || strings.Contains(string(content), "alice") {
		t.Errorf("%v: %s", err, content)
	}
}

func leftOf(tb testing.TB, m storetest.Budgets, b gate.Budget) int64 {
	tb.Helper()
	standing := make([]gate.Standing, 1)
	if err := m.Look(tb.Context(), []gate.Budget{b}, standing); err != nil {
		tb.Fatal(err)
	}
	return standing[0].Left
}

// Processes on one directory add up, and learn of each other when they save.
func TestQuotasOfSeveralProcesses(t *testing.T) {
	dir := t.TempDir()
	one, other := fileBudgets(t, dir), fileBudgets(t, dir)
	takes(t, one, quota(10))
	takes(t, other, quota(10))
	takes(t, other, quota(10))
	save(t, one)
	save(t, other)
	takes(t, one, quota(10))
	save(t, one)
	save(t, one) // nothing is counted twice
	if a, b, c := leftOf(t, one, quota(10)), leftOf(t, other, quota(10)), leftOf(t, fileBudgets(t, dir), quota(10)); a != 6 || b != 7 || c != 6 {
		t.Errorf("%d, %d and %d are left, want 6, 7 and 6", a, b, c)
	}
}

// What cannot be written is not forgotten: it is written when it can be.
func TestQuotasThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	f := fileBudgets(t, dir)
	takes(t, f, quota(10))
	path := filepath.Join(dir, "quotas.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(); err == nil {
		t.Fatal("a damaged file is written over")
	}
	if left := leftOf(t, f, quota(10)); left != 9 {
		t.Errorf("%d are left, want 9", left)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	save(t, f)
	if left := leftOf(t, fileBudgets(t, dir), quota(10)); left != 9 {
		t.Errorf("%d are left afterwards, want 9", left)
	}
}

// A file that cannot be read is an error, and not a file in which nobody has spent anything.
func TestQuotasThatCannotBeRead(t *testing.T) {
	for name, content := range map[string]string{
		"torn": `{"version":1,"quo`, "newer": `{"version":2,"quotas":[]}`, "unknown": `{"version":1,"quotas":[],"x":1}`,
		"id": `{"version":1,"quotas":[{"id":"x","width":1,"taken":[]}]}`, "width": `{"version":1,"quotas":[{"id":"00112233445566778899aabbccddeeff","width":0,"taken":[]}]}`,
		"below zero": `{"version":1,"quotas":[{"id":"00112233445566778899aabbccddeeff","width":1,"taken":[[1,-5]]}]}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "quotas.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenFileBudgets(dir, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}
