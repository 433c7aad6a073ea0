package upstream

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/gate"
)

// taskClient is the exchange of a call by somebody.
func taskClient(subject, tenant, profile string, era gate.Era) *gate.Exchange {
	ex := &gate.Exchange{Principal: &gate.Principal{Method: "api_key", Subject: subject, Tenant: tenant}}
	ex.Inbound.Profile, ex.Call.Era = profile, era
	return ex
}

func sealerOf(t testing.TB, key byte) taskSealer {
	t.Helper()
	s, err := newTaskSealer([32]byte{key})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// MHB, TEN-11: an id of a task opens for nobody and nowhere but where it was
// given, not when a bit of it is another, and not after its time.
func TestTaskIDIsNoCredential(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sealer, task := sealerOf(t, 1), gate.Task{Upstream: "up", Tool: "slow", ID: []byte(`"786\u0035"`)}
		alice := taskClient("alice", "a", "", gate.Stateful)
		expiry := time.Now().Add(time.Hour)
		id, err := sealer.seal(alice, task, expiry)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := sealer.seal(alice, task, expiry); err != nil || again != id {
			t.Errorf("the same task is %s and %s, %v", id, again, err)
		}
		if strings.Contains(id, "786") || strings.Contains(id, "slow") {
			t.Errorf("the id tells: %s", id)
		}
		nobody := taskClient("alice", "a", "", gate.Stateful)
		nobody.Principal = nil
		if _, err := sealer.seal(nobody, task, expiry); err == nil {
			t.Error("sealed for nobody")
		}
		other := sealerOf(t, 2)
		for _, tc := range []struct {
			name   string
			sealer *taskSealer
			who    *gate.Exchange
			id     string
			good   bool
		}{
			{"its own", &sealer, taskClient("alice", "a", "", gate.Stateful), id, true},
			{"another principal", &sealer, taskClient("bob", "a", "", gate.Stateful), id, false},
			{"another tenant", &sealer, taskClient("alice", "b", "", gate.Stateful), id, false},
			{"no tenant", &sealer, taskClient("alice", "", "", gate.Stateful), id, false},
			{"another profile", &sealer, taskClient("alice", "a", "p", gate.Stateful), id, false},
			{"the other era", &sealer, taskClient("alice", "a", "", gate.Stateless), id, false},
			{"nobody", &sealer, nobody, id, false},
			{"another key", &other, alice, id, false},
			{"nothing", &sealer, alice, "", false},
			{"cut", &sealer, alice, id[:len(id)-4], false},
			{"longer", &sealer, alice, id + "AAAA", false},
			{"padded", &sealer, alice, id + "=", false},
			{"another spelling", &sealer, alice, id[:8] + "\n" + id[8:], false},
			{"the upstream's own", &sealer, alice, "7865", false},
			{"huge", &sealer, alice, strings.Repeat("A", maxTaskID+4), false},
		} {
			if got, ok := tc.sealer.open(tc.who, tc.id); ok != tc.good || ok && (got.Upstream != task.Upstream || got.Tool != task.Tool || !bytes.Equal(got.ID, task.ID)) {
				t.Errorf("%s: %+v, %v", tc.name, got, ok)
			}
		}
		raw, err := base64.RawURLEncoding.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(raw) {
			flipped := bytes.Clone(raw)
			flipped[i/8] ^= 1 << (i % 8)
			if _, ok := sealer.open(alice, base64.RawURLEncoding.EncodeToString(flipped)); ok {
				t.Errorf("opens with bit %d flipped", i)
			}
		}
		time.Sleep(time.Hour - time.Millisecond) // of the bubble's clock
		if _, ok := sealer.open(alice, id); !ok {
			t.Error("expired too early")
		}
		time.Sleep(time.Millisecond)
		if _, ok := sealer.open(alice, id); ok {
			t.Error("opens after its time")
		}
	})
}

// An id for one purpose is none for another: the keys differ.
func TestTaskIDIsNoCursor(t *testing.T) {
	t.Parallel()
	key := [32]byte{7}
	plain, err := newSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	sealer, alice := sealerOf(t, 7), taskClient("alice", "", "", gate.Stateless)
	nonce := make([]byte, plain.NonceSize())
	packed := packTask(gate.Task{Upstream: "up", Tool: "t", ID: []byte(`"1"`)}, time.Now().Add(time.Hour))
	if _, ok := sealer.open(alice, base64.RawURLEncoding.EncodeToString(plain.Seal(nonce, nonce, packed, taskBinding(alice)))); ok {
		t.Error("what the pool's own key sealed opens as a task")
	}
}

func TestTaskTooLong(t *testing.T) {
	t.Parallel()
	sealer, alice := sealerOf(t, 1), taskClient("alice", "", "", gate.Stateful)
	task := gate.Task{Upstream: strings.Repeat("u", 64), Tool: strings.Repeat("t", 256), ID: []byte(`"` + strings.Repeat("x", maxTask-2) + `"`)}
	id, err := sealer.seal(alice, task, time.Now().Add(time.Hour))
	if _, ok := sealer.open(alice, id); err != nil || !ok {
		t.Errorf("the longest id: %v, %v", err, ok)
	}
	task.ID = []byte(`"` + strings.Repeat("x", maxTask-1) + `"`)
	if _, err := sealer.seal(alice, task, time.Now()); err == nil {
		t.Error("an id that is too long was sealed")
	}
}

// FuzzUnpackTask: whatever unpacks packs to the same bytes, and nothing panics.
func FuzzUnpackTask(f *testing.F) {
	f.Add(packTask(gate.Task{Upstream: "up", Tool: "t", ID: []byte(`"id"`)}, time.UnixMilli(1_800_000_000_000)))
	f.Add([]byte{})
	f.Add(make([]byte, 12))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\xff\xffup"))
	f.Fuzz(func(t *testing.T, b []byte) {
		task, expiry, ok := unpackTask(b)
		if !ok {
			return
		}
		if task.Upstream == "" || task.Tool == "" || len(task.ID) < 2 || task.ID[0] != '"' {
			t.Errorf("unpacked %+v", task)
		}
		if got := packTask(task, expiry); !bytes.Equal(got, b) {
			t.Errorf("%x became %x", b, got)
		}
	})
}

// FuzzOpenTask: no text opens but the one that was given out.
func FuzzOpenTask(f *testing.F) {
	sealer, alice := sealerOf(f, 1), taskClient("alice", "", "", gate.Stateful)
	id, err := sealer.seal(alice, gate.Task{Upstream: "up", Tool: "t", ID: []byte(`"id"`)}, time.UnixMilli(4_000_000_000_000))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(id)
	f.Add(id + "A")
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if _, ok := sealer.open(alice, text); ok != (text == id) {
			t.Errorf("%q opens: %v", text, ok)
		}
	})
}

func TestTasksAreBounded(t *testing.T) {
	t.Parallel()
	var all tasks
	session := &gate.Session{ID: "s"}
	name := func(i int) taskKey { return taskKey{"up", strings.Repeat("i", i+1)} }
	for i := range maxTasks + 3 {
		all.put(session, name(i), []byte("x"), time.Now().Add(time.Hour))
		all.put(session, name(i), []byte("y"), time.Now().Add(time.Hour))
	}
	k := all.of["s"]
	if len(k.shown) != maxTasks || len(k.order) != maxTasks || all.get(session, name(2)) != nil || string(all.get(session, name(3))) != "y" {
		t.Errorf("%d tasks, %d in order, the oldest %q", len(k.shown), len(k.order), all.get(session, name(3)))
	}
	if got := all.get(&gate.Session{ID: "other"}, name(5)); got != nil {
		t.Errorf("another session knows %s", got)
	}
	all.of["ended"] = &known{expiry: time.Now().Add(-time.Second)}
	if !all.evict() || all.evict() || len(all.of) != 1 {
		t.Errorf("%d sessions are left", len(all.of))
	}
	all.drop(session)
	if all.get(session, name(5)) != nil {
		t.Error("an ended session knows its tasks")
	}
}
