package store

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRES29_ListsThatAreFull has one operator make things without an end: the last that there is room for is
// made, and the next one is refused by name of the bound.
func TestRES29_ListsThatAreFull(t *testing.T) {
	keys, err := Open(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	})
	list := &keysFile{Keys: make([]keyRecord, maxKeys-1)}
	if _, err := keys.add(list, newKey{text: "one"}, keyRecord{Name: "one"}); err != nil {
		t.Errorf("the last key: %v", err)
	}
	if _, err := keys.add(list, newKey{text: "two"}, keyRecord{Name: "two"}); err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxKeys)) || len(list.Keys) != maxKeys {
		t.Errorf("one key more: %v, of %d", err, len(list.Keys))
	}

	canaries, err := OpenCanaries(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = canaries.change(func(all []Canary) ([]Canary, error) {
		for n := range maxCanaries - 1 {
			all = append(all, Canary{Name: fmt.Sprint("c", n), Value: fmt.Sprintf("canary-of-a-test-%032d", n), Created: time.Now().UTC()})
		}
		return all, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := canaries.Plant("one", ""); err != nil {
		t.Errorf("the last canary: %v", err)
	}
	if _, err := canaries.Plant("two", ""); err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxCanaries)) {
		t.Errorf("one canary more: %v", err)
	}
}
