package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/store"
)

// A list that is full takes nothing that begins, and everything that ends: what was
// suspended is released, noted and closed, and the file is read again.
func TestAFullListStillLetsGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const full = 16 << 10
	s, err := store.OpenSmallFileIncidents(dir, incidentKey, full)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, s)
	var ids []string
	for n := 0; err == nil; n++ {
		var kept store.Incident
		if kept, err = s.Open(t.Context(), suspended(t, "uid:1", principalOf(fmt.Sprintf("p%d", n)), 0)); err == nil {
			ids = append(ids, kept.ID)
		}
	}
	if !strings.Contains(err.Error(), "close incidents") || len(ids) < 3 {
		t.Fatalf("after %d incidents: %v", len(ids), err)
	}
	first := ids[0]
	grow := func(do func(*store.Incident) error) error {
		_, err := s.Grow(t.Context(), first, do)
		return err
	}
	more := 0
	for err = nil; err == nil && more < 20; more++ {
		err = grow(func(i *store.Incident) error {
			return i.Contain(store.Containment{IncidentSubject: principalOf(fmt.Sprintf("more%d", more)), Since: time.Now(), By: "uid:1", Reason: "a test"})
		})
	}
	if err == nil || isContained(s, principalOf(fmt.Sprintf("more%d", more-1))) {
		t.Errorf("after %d it is still suspended: %v", more, err)
	}
	if _, err := s.Open(t.Context(), suspended(t, "rule:failed_sign_ins", principalOf("new"), 0)); err == nil {
		t.Error("a rule opens another")
	}
	long := strings.Repeat("\"", 1900)
	for n := range 20 {
		if err := grow(func(i *store.Incident) error {
			return i.Note(store.Step{At: time.Now(), Actor: "uid:1", Kind: store.StepNotified, Text: long, To: long})
		}); err != nil {
			t.Fatalf("note %d: %v", n, err)
		}
	}
	release(t, s, first)
	if err := grow(func(i *store.Incident) error { return i.Close("uid:1", long, time.Now()) }); err != nil {
		t.Errorf("it is not closed: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "incidents.json")); err != nil || info.Size() < 4*full {
		t.Errorf("the file is not above its bound: %v, %v", info, err)
	}
	again := openIncidents(t, dir)
	for n, id := range ids {
		if is := isContained(again, principalOf(fmt.Sprintf("p%d", n))); is == (id == first) {
			t.Errorf("after a restart p%d is suspended: %t", n, is)
		}
	}
}
