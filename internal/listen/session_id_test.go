package listen

import (
	"strings"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// sealing returns a sealer with a key of its own, and an id that it made. The coordinator and the
// workers of a fuzz target are processes with a sealer each: no id opens in another.
func sealing(tb testing.TB) (sessionSealer, string) {
	tb.Helper()
	s, err := newSessionSealer([32]byte{})
	if err != nil {
		tb.Fatal(err)
	}
	id, err := s.seal("5:alice", &gate.Session{Profile: "p", Version: mcp.V20251125, Capabilities: []byte(`{"roots":{}}`)}, time.Unix(2e9, 0))
	if err != nil {
		tb.Fatal(err)
	}
	return s, id
}

// TEN-11: no byte of an id can be another.
func TestTEN11_TamperedSessionIDs(t *testing.T) {
	s, id := sealing(t)
	if is, ok := s.open(id, "5:alice", "p"); !ok || is.node != s.node || is.version != mcp.V20251125 || !is.whole || !is.ends.Equal(time.Unix(2e9, 0)) {
		t.Fatalf("it does not open: %+v", is)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range id {
		for _, c := range alphabet + "=\n +/" {
			if forged := id[:i] + string(c) + id[i+1:]; forged != id {
				if _, ok := s.open(forged, "5:alice", "p"); ok {
					t.Fatalf("byte %d can be %q", i, c)
				}
			}
		}
		if _, ok := s.open(id[:i], "5:alice", "p"); ok {
			t.Fatalf("%d bytes of it open", i)
		}
	}
	for _, whose := range [][2]string{{"5:alice", ""}, {"3:bob", "p"}, {"", "p"}, {"5:alicep", ""}, {"5:alic", "ep"}} {
		if _, ok := s.open(id, whose[0], whose[1]); ok {
			t.Errorf("it opens for %q", whose)
		}
	}
}

func TestSessionIDsAreBounded(t *testing.T) {
	s, _ := sealing(t)
	for n := range 900 {
		gs := gate.Session{Version: mcp.V20251125, Capabilities: []byte(strings.Repeat("c", n)), ClientInfo: []byte(strings.Repeat("i", 100))}
		id, err := s.seal("5:alice", &gs, time.Unix(2e9, 0))
		if err != nil || len(id) > gate.MaxSessionID {
			t.Fatalf("%d bytes: an id of %d, %v", n, len(id), err)
		}
		is, ok := s.open(id, "5:alice", "")
		if !ok || is.whole != (len(is.capabilities) == n) || len(is.clientInfo) != 0 && len(is.clientInfo) != 100 {
			t.Fatalf("%d bytes: %v, %+v", n, ok, is)
		}
	}
}

func FuzzSessionID(f *testing.F) {
	s, id := sealing(f)
	f.Add(id, []byte{})
	f.Add("", []byte(id))
	f.Add(id+"A", []byte{sessionFormat, 1, 0, 0})
	f.Fuzz(func(t *testing.T, other string, plain []byte) {
		if _, ok := s.open(other, "5:alice", "p"); ok != (other == id) {
			t.Errorf("%q opens: %v", other, ok)
		}
		if is, ok := readBeginning(plain); ok && (mcp.EraOf(is.version) != gate.Stateful || len(is.capabilities) > len(plain)) {
			t.Errorf("%x is read as %+v", plain, is)
		}
	})
}
