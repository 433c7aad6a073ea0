package audit

import (
	"encoding/binary"
	"path/filepath"
	"reflect"
	"testing"
)

// A mark that a version before kept counts: without it, what was pruned since would be
// forgotten by the update. It knows no generations of lists, or not those of approvals.
func TestAMarkOfAVersionBefore(t *testing.T) {
	for version, owed := range map[byte]Owed{
		2: {Incidents: 1, Revocations: 2},
		3: {Incidents: 1, Revocations: 2, Written: Generations{3, 4, 5, 6, 0}, Accepted: 7},
	} {
		markBefore(t, version, owed)
	}
}

func markBefore(t *testing.T, version byte, owed Owed) {
	t.Helper()
	dir := t.TempDir()
	l, err := Open(Config{Dir: filepath.Join(dir, "audit"), KeyFile: filepath.Join(dir, "audit.key")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	want := ledgerMark{seq: 7, keys: 3, owed: owed, holds: map[string]bool{"h_1": true}, leaf: [32]byte{1}, by: l.self}
	now := want.text()
	const head, numbers = 5, 10 * 8 // bytes; the first of the numbers were there before
	text := append([]byte{0, 0, 0, 0, version}, now[head:head+8*markNumbers(version)]...)
	text = append(text, now[head+numbers:]...)
	binary.BigEndian.PutUint32(text, uint32(len(text)))
	if err := l.people.putMark(text); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := l.people.marked(); !ok || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %t, %v; want %+v", got, ok, err, want)
	}
	for n := range text {
		var m ledgerMark
		if len(text)-n > len("\x00\x03h_1") && m.parse(text[:n]) == nil {
			t.Errorf("%d bytes of %d are a mark", n, len(text))
		}
	}
}
