package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/admin"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/store"
)

const aYear = 366 * 24 * time.Hour

// oldLog writes calls of alice and bob, an hour apart, into the log of a data directory.
func oldLog(t *testing.T, dir string) {
	t.Helper()
	l, err := audit.Open(audit.Config{Dir: auditDir(dir, 1), KeyFile: keyFile(dir)})
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"alice", "bob"} {
		ex := &gate.Exchange{ID: "of " + who, Start: time.Now(), Principal: &gate.Principal{Method: gate.MethodAPIKey, Realm: gate.RealmKeys, Subject: who}}
		ex.Inbound.Transport, ex.Inbound.Op, ex.Call.Name = "http", "tools/call", "read"
		if err := l.Outcome(t.Context(), ex, gate.Outcome{Status: "ok"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// ancient is a data directory with a log of the year 2000, which is when a bubble begins.
func ancient(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { oldLog(t, dir) })
	return dir
}

func operator(t *testing.T, dir, more string) *App {
	t.Helper()
	cfg, err := config.Parse(filepath.Join(dir, "doorward.yaml"), []byte("version: 1\ndata_dir: "+dir+"\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// exchanges are those that are still on record of those of oldLog.
func exchanges(t *testing.T, dir string) string {
	t.Helper()
	if _, err := audit.Verify(t.Context(), auditDir(dir, 1), audit.Options{}); err != nil {
		t.Error(err)
	}
	var left []string
	err := audit.Read(context.Background(), auditDir(dir, 1), audit.Query{}, func(r *audit.Record) error {
		if r.Exchange != "" {
			left = append(left, strings.TrimPrefix(r.Exchange, "of "))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(left, " ")
}

func events(t *testing.T, dir, kind string) (details []string) {
	t.Helper()
	err := audit.Read(context.Background(), auditDir(dir, 1), audit.Query{Event: kind}, func(r *audit.Record) error {
		details = append(details, r.Status+" "+r.Actor+" "+r.Detail)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return details
}

// GDP-04: who is held is neither pruned nor erased, across a restart, and the refusal
// says why; after the release both are done.
func TestGDP04WhoIsHeldStays(t *testing.T) {
	dir := ancient(t)
	a := operator(t, dir, "")
	if _, err := a.AddHold(t.Context(), "uid:0", admin.HoldRequest{Subject: "carol", Reason: "claim 7"}); err == nil {
		t.Error("somebody unknown is held")
	}
	hold, err := a.AddHold(t.Context(), "uid:0", admin.HoldRequest{Subject: "alice", Reason: "claim 7"})
	if err != nil || len(hold.Keys) != 1 || hold.Subject != "" {
		t.Fatalf("held: %+v, %v", hold, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "holds.json")); err != nil || strings.Contains(string(text), "alice") {
		t.Errorf("the file says %s (%v)", text, err)
	}
	if got := events(t, dir, audit.EventHold); len(got) != 1 || !strings.HasPrefix(got[0], "begun uid:0 "+hold.ID+" claim 7; ") {
		t.Errorf("on record: %q", got)
	}
	_ = a.Close()
	a = operator(t, dir, "")
	due, err := a.Retain(t.Context(), "uid:0", admin.Retention{})
	if err != nil || due.Pruned || due.Keep["calls"] != "400d" || len(due.Logs) != 1 || len(due.Logs[0].Ranges) != 1 {
		t.Fatalf("due: %+v, %v", due, err)
	}
	states := ""
	for _, c := range due.Logs[0].Ranges[0].Classes {
		states += c.State + " "
	}
	if states != "due held " || exchanges(t, dir) != "alice bob" {
		t.Errorf("states are %q, left is %s", states, exchanges(t, dir))
	}
	if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err != nil || exchanges(t, dir) != "alice" {
		t.Errorf("left: %s (%v)", exchanges(t, dir), err)
	}
	erased, err := a.Erase(t.Context(), "uid:0", admin.Erasure{Whom: admin.Whom{Subject: "alice"}, Basis: "Art. 17"})
	want := admin.Refusal{Key: hold.Keys[0], Hold: hold.ID, Reason: "claim 7"}
	if err != nil || erased.Keys != 0 || len(erased.Refused) != 1 || erased.Refused[0] != want {
		t.Errorf("erased: %+v, %v", erased, err)
	}
	if err := a.ReleaseHold(t.Context(), "uid:0", admin.Release{ID: hold.ID, Reason: "settled"}); err != nil {
		t.Fatal(err)
	}
	erased, err = a.Erase(t.Context(), "uid:0", admin.Erasure{Whom: admin.Whom{Subject: "alice"}, Basis: "Art. 17"})
	if err != nil || erased.Keys != 1 || len(erased.Refused) != 0 {
		t.Errorf("erased: %+v, %v", erased, err)
	}
	if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err != nil || exchanges(t, dir) != "" {
		t.Errorf("left: %s (%v)", exchanges(t, dir), err)
	}
	for kind, n := range map[string]int{"audit.pruned": 2, "privacy.retain": 2, "privacy.refuse": 1, audit.EventRelease: 1, "privacy.erase": 1} {
		if got := events(t, dir, kind); len(got) != n {
			t.Errorf("%s is on record as %q", kind, got)
		}
	}
}

// A hold of a time keeps its records, and the keys that they need to be read.
func TestATimeIsHeld(t *testing.T) {
	dir := ancient(t)
	a := operator(t, dir, "")
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	hold, err := a.AddHold(t.Context(), "uid:0", admin.HoldRequest{Since: began.Add(time.Minute), Until: began.Add(2 * time.Hour), Reason: "incident 4"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err != nil || exchanges(t, dir) != "bob" {
		t.Errorf("left: %s (%v)", exchanges(t, dir), err)
	}
	for who, want := range map[string]int{"alice": 1, "bob": 0} {
		got, err := a.Erase(t.Context(), "uid:0", admin.Erasure{Whom: admin.Whom{Subject: who}, Basis: "Art. 17"})
		if err != nil || got.Keys != want || len(got.Refused) != 1-want {
			t.Errorf("%s: %+v, %v", who, got, err)
		}
	}
	// The file is gone: nobody knows what is held, until the hold is released.
	if err := os.Remove(filepath.Join(dir, "holds.json")); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	a = operator(t, dir, "")
	if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err == nil || !strings.Contains(err.Error(), hold.ID) {
		t.Errorf("pruned without the file: %v", err)
	}
	if _, err := a.Erase(t.Context(), "uid:0", admin.Erasure{Whom: admin.Whom{Subject: "bob"}, Basis: "Art. 17"}); err == nil {
		t.Error("erased without the file")
	}
	if all, err := a.ListHolds(t.Context()); err == nil || len(all) > 0 || !strings.Contains(err.Error(), hold.ID) {
		t.Errorf("listed without the file: %v, %v", all, err)
	}
	if err := a.ReleaseHold(t.Context(), "uid:0", admin.Release{ID: hold.ID, Reason: "settled"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err != nil || exchanges(t, dir) != "" {
		t.Errorf("left: %s (%v)", exchanges(t, dir), err)
	}
}

// What a required copy does not have stays; one that is not required is waited for a week.
func TestCopiesComeFirst(t *testing.T) {
	for required, left := range map[string]string{"true": "alice bob", "false": ""} {
		dir := ancient(t)
		a := operator(t, dir, fmt.Sprintf("audit: {sinks: [{kind: file, path: %q, required: %s}]}\n", filepath.Join(t.TempDir(), "copy"), required))
		if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err != nil || exchanges(t, dir) != left {
			t.Errorf("required %s: left %q (%v)", required, exchanges(t, dir), err)
		}
	}
}

// The gateway prunes by itself: at the start, and where nothing was written for long a day
// later, for the clock may be wrong.
func TestTheGatewayPrunesByItself(t *testing.T) {
	for silent, wait := range map[time.Duration]time.Duration{20 * 24 * time.Hour: 0, 40 * 24 * time.Hour: 24 * time.Hour} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			oldLog(t, dir)
			time.Sleep(2 * aYear)
			_ = operator(t, dir, "").Close()
			time.Sleep(silent)
			a := operator(t, dir, "")
			a.own(a.pruneDaily)
			if wait > 0 {
				time.Sleep(wait - time.Minute)
				if left := exchanges(t, dir); left != "alice bob" {
					t.Errorf("silent %v: left %q before", silent, left)
				}
			}
			time.Sleep(2 * time.Minute)
			if left := exchanges(t, dir); left != "" {
				t.Errorf("silent %v: left %q", silent, left)
			}
			_ = a.Close()
		})
	}
}

// A clock that was set while the gateway waited is not believed that day.
func TestAClockThatIsSet(t *testing.T) {
	for wall, want := range map[time.Duration]bool{24 * time.Hour: true, 24*time.Hour + 50*time.Minute: true, aYear: false, -aYear: false, 22 * time.Hour: false} {
		if got := steady(wall, 24*time.Hour); got != want {
			t.Errorf("after a day it says %v: %v", wall, got)
		}
	}
}

// A hold of another gateway on the same data_dir does not come while this one prunes or
// erases: who has the turn is alone, and what was held meanwhile stays.
func TestGDP04NobodyTakesWhatAnotherGatewayHolds(t *testing.T) {
	dir := ancient(t)
	a := operator(t, dir, "")
	other := store.NewHolds(dir)
	free, err := other.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, done := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer done()
	if _, err := a.Retain(ctx, "uid:0", admin.Retention{Now: true}); err == nil {
		t.Error("pruned while another places a hold")
	}
	if got, err := a.Erase(ctx, "uid:0", admin.Erasure{Whom: admin.Whom{Subject: "alice"}, Basis: "Art. 17"}); err == nil || got.Keys != 0 {
		t.Errorf("erased while another places a hold: %+v", got)
	}
	if _, err := a.AddHold(ctx, "uid:0", admin.HoldRequest{Subject: "alice", Reason: "claim 7"}); err == nil {
		t.Error("held while another places a hold")
	}
	always := store.Hold{ID: store.NewHoldID(), Since: time.Unix(0, 0), Until: time.Now(), Reason: "claim 8", By: "uid:0", Created: time.Now()}
	if err := other.Add(always); err != nil {
		t.Fatal(err)
	}
	free()
	if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err != nil || exchanges(t, dir) != "alice bob" {
		t.Errorf("left: %s (%v)", exchanges(t, dir), err)
	}
	if err := other.Release(always.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Retain(t.Context(), "uid:0", admin.Retention{Now: true}); err != nil || exchanges(t, dir) != "" {
		t.Errorf("left: %s (%v)", exchanges(t, dir), err)
	}
}
