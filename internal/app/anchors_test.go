package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/anchor/witnesstest"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/cosignature"
	"doorward/internal/gatetest"
)

// copyOf is a copy of a gateway's files, taken while it runs.
func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	copyFiles(t, dir, to)
	return to
}

// serveCopy starts a gateway on a copy, with its configuration changed; it ends as soon
// as it serves.
func serveCopy(t *testing.T, dir string, change func(string) string) error {
	t.Helper()
	path := filepath.Join(dir, "doorward.yaml")
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(change(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Path: path, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return a.Serve(ctx, stop)
}

// DUR-15: checkpoints go to a witness and a file, calls wait for neither, and a gateway
// on yesterday's copy of its files does not serve and says so, until its log has
// another name.
func TestDUR15AWitnessHasSeenMore(t *testing.T) {
	t.Parallel()
	w := witnesstest.New("witness.example.com")
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	path := filepath.Join(t.TempDir(), "checkpoints")
	m := newMailbox(t, nil)
	h := &house{t: t, up: gatetest.Upstream(t, gatetest.Script{Tools: rawTools("echo")})}
	h.GW = gatetest.Gateway(t, houseRoles+m.alerts("")+fmt.Sprintf("audit: {checkpoint: {every: 1h, witness: {url: %q, key: %q}, anchors: [{kind: file, path: %q}]}}\n",
		srv.URL, w.Key(), path), map[string]*gatetest.UP{"up": h.up})
	h.Approve("")
	h.alice = h.As("alice", "reader").Open(eras[0])
	if r := h.alice.Call("up__echo", `{}`); !r.OK() {
		t.Fatalf("a call while the witness does not know the log: %s", r)
	}
	if got := h.Records(audit.Query{Event: "audit.anchor_failed"}); len(got) != 1 || !strings.Contains(got[0].Detail, "does not know this log") {
		t.Errorf("on record: %v", got)
	}
	dir := filepath.Join(h.Dir, "data", "audit")
	rep, err := audit.Verify(t.Context(), dir, audit.Options{})
	if err == nil {
		err = w.Knows(rep.Origin, rep.Keys[0].Public)
	}
	if err == nil {
		err = w.Knows("audit.example.com/gateway", rep.Keys[0].Public)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.App.Checkpoint(t.Context())
	if err != nil || !strings.Contains(c.Note, "\n\u2014 witness.example.com ") {
		t.Fatalf("a checkpoint: %q, %v", c.Note, err)
	}
	yesterday := copyOf(t, h.Dir)
	if r := h.alice.Call("up__echo", `{}`); !r.OK() {
		t.Fatalf("a call: %s", r)
	}
	h.Stop()
	key, err := cosignature.ParseKey(w.Key())
	if err != nil {
		t.Fatal(err)
	}
	kept, err := audit.ReadCheckpoints(path)
	if err != nil {
		t.Fatal(err)
	}
	rep, err = audit.Verify(t.Context(), dir, audit.Options{Checkpoints: kept, Witnesses: []*cosignature.Key{key}})
	if err != nil || rep.Elsewhere < c.Size+2 || rep.Witnessed[0].Records != rep.Elsewhere {
		t.Errorf("proven elsewhere %d of %d, witnessed %v: %v", rep.Elsewhere, rep.Records, rep.Witnessed, err)
	}
	same := func(s string) string { return s }
	err = serveCopy(t, yesterday, same)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("witness.example.com has seen %d records", rep.Elsewhere)) || !strings.Contains(err.Error(), "audit.checkpoint.origin") {
		t.Errorf("on yesterday's copy: %v", err)
	}
	var told []string
	err = audit.Read(t.Context(), filepath.Join(yesterday, "data", "audit"), audit.Query{Event: "audit.forked"}, func(r *audit.Record) error {
		told = append(told, strings.Fields(r.Detail)[0])
		return nil
	})
	if slices.Sort(told); err != nil || !slices.Equal(told, []string{"file", "witness.example.com"}) {
		t.Errorf("on its record: %v, %v", told, err)
	}
	if err := serveCopy(t, yesterday, same); err == nil { // and sends what the first could not
		t.Error("on yesterday's copy, again: it serves")
	}
	if a := m.within(t, "audit_fault"); a["event"] != "audit.forked" {
		t.Errorf("told %v", a)
	}
	named := func(s string) string {
		return strings.Replace(s, "checkpoint: {", "checkpoint: {origin: audit.example.com/gateway, ", 1)
	}
	if err := serveCopy(t, yesterday, named); err != nil {
		t.Errorf("under another name: %v", err)
	}
}
