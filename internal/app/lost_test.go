package app_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/admin"
	"doorward/internal/app"
	"doorward/internal/audit"
	"doorward/internal/config"
	"doorward/internal/store"
)

const alone = "version: 1\ndata_dir: data\nlisten: {address: \"127.0.0.1:0\"}\nupstreams: {}\n"

// opened is a gateway that does not serve, as a command of an operator is.
func opened(t *testing.T, dir string) *app.App {
	t.Helper()
	return openedWith(t, dir, "")
}

// openedWith is opened with more settings.
func openedWith(t *testing.T, dir, settings string) *app.App {
	t.Helper()
	path := filepath.Join(dir, "doorward.yaml")
	if err := os.WriteFile(path, []byte(alone+settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return openedAt(t, path)
}

// openedAt is a gateway of a configuration that is there, which does not serve yet.
func openedAt(t *testing.T, path string) *app.App {
	t.Helper()
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(app.Options{Config: cfg, Path: path, Version: "test", Log: app.TextLog(t.Output(), 0)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func shut(t *testing.T, a *app.App) {
	t.Helper()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// put puts a file in place as a backup does.
func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// served tells whether a gateway comes to serve, and ends it.
func served(t *testing.T, dir string) error {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return opened(t, dir).Serve(ctx, stop)
}

// A gateway that is to serve without a list which the log says was written does not start:
// what was suspended or revoked would be let in. Nor does an operator's act make the list
// anew by the way. It starts when the list is back, or its loss was accepted.
func TestALostListKeepsTheGatewayFromStarting(t *testing.T) {
	for _, tc := range []struct {
		list  string
		kept  store.Kept
		write func(a *app.App) error
	}{
		{audit.ListIncidents, store.KeptIncidents, func(a *app.App) error {
			_, err := a.Contain(t.Context(), "uid:1", admin.ContainRequest{IncidentSubject: admin.IncidentSubject{Kind: "everything"}, Reason: "a test"})
			return err
		}},
		{audit.ListRevocations, store.KeptRevocations, func(a *app.App) error {
			return a.Revoke(t.Context(), "uid:1", admin.Revocation{Kind: store.RevokedSubject, Issuer: "https://id.example.com", Value: "mallory"})
		}},
	} {
		t.Run(tc.list, func(t *testing.T) {
			dir := t.TempDir()
			if err := served(t, dir); err != nil {
				t.Fatalf("with nothing on any list: %v", err)
			}
			path := filepath.Join(dir, "data", string(tc.kept))
			a := opened(t, dir)
			if err := tc.write(a); err != nil {
				t.Fatal(err)
			}
			if err := a.AcceptLoss(t.Context(), "uid:1", admin.Loss{List: tc.list, Reason: "a test"}); err == nil {
				t.Error("the loss of a list that is there is accepted")
			}
			shut(t, a)
			if err := os.Rename(path, path+".old"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				err := served(t, dir)
				if err == nil || !strings.Contains(err.Error(), path+" is gone") || !strings.Contains(err.Error(), "accept-loss "+tc.list) {
					t.Fatalf("it starts without its list: %v", err)
				}
			}
			a = opened(t, dir)
			if err := tc.write(a); err == nil || !strings.Contains(err.Error(), "is gone") {
				t.Errorf("an act makes the list anew: %v", err)
			}
			for _, bad := range []admin.Loss{{List: tc.list}, {List: "keys", Reason: "a test"}} {
				if err := a.AcceptLoss(t.Context(), "uid:1", bad); err == nil {
					t.Errorf("%+v is accepted", bad)
				}
			}
			shut(t, a)
			if err := os.Rename(path+".old", path); err != nil {
				t.Fatal(err)
			}
			if err := served(t, dir); err != nil {
				t.Errorf("with the list back: %v", err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			a = opened(t, dir)
			if err := a.AcceptLoss(t.Context(), "uid:1", admin.Loss{List: tc.list, Reason: "no backup"}); err != nil {
				t.Fatal(err)
			}
			shut(t, a)
			if err := served(t, dir); err != nil {
				t.Errorf("after the loss was accepted: %v", err)
			}
			var said []string
			err := audit.Read(t.Context(), filepath.Join(dir, "data", "audit"), audit.Query{Event: audit.EventAccepted}, func(r *audit.Record) error {
				said = append(said, r.Actor+" "+r.Detail)
				return nil
			})
			if err != nil || len(said) != 1 || said[0] != "uid:1 "+tc.list+" no backup" {
				t.Errorf("on record: %q, %v", said, err)
			}
			for range 2 { // what nothing served heard of is said by the next that serves, once
				inForce := 0
				err = audit.Read(t.Context(), filepath.Join(dir, "data", "audit"), audit.Query{Event: audit.EventInForce}, func(*audit.Record) error {
					inForce++
					return nil
				})
				if err != nil || inForce != 1 {
					t.Errorf("said %d times, %v", inForce, err)
				}
				if err := served(t, dir); err != nil {
					t.Error(err)
				}
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := served(t, dir); err == nil || !strings.Contains(err.Error(), "accept-loss "+tc.list) {
				t.Errorf("without the empty list that was begun: %v", err)
			}
			a = opened(t, dir)
			if err := a.AcceptLoss(t.Context(), "uid:1", admin.Loss{List: tc.list, Reason: "once more"}); err != nil {
				t.Fatal(err)
			}
			shut(t, a)
			if err := served(t, dir); err != nil {
				t.Errorf("after that was accepted, too: %v", err)
			}
		})
	}
}

// A gateway that is to serve with an older copy of a list than the log knows does not start:
// what was revoked or suspended since would be let in. It starts with the newest, or when
// somebody has accepted the older one; from then on that is the one that counts.
func TestAnOlderListKeepsTheGatewayFromStarting(t *testing.T) {
	for _, tc := range []struct {
		list  string
		kept  store.Kept
		write func(a *app.App, n string) error
	}{
		{audit.ListIncidents, store.KeptIncidents, func(a *app.App, n string) error {
			_, err := a.Contain(t.Context(), "uid:1", admin.ContainRequest{IncidentSubject: admin.IncidentSubject{Kind: "address", Value: "192.0.2." + n}, Reason: "a test"})
			return err
		}},
		{audit.ListRevocations, store.KeptRevocations, func(a *app.App, n string) error {
			return a.Revoke(t.Context(), "uid:1", admin.Revocation{Kind: store.RevokedSubject, Issuer: "https://id.example.com", Value: n})
		}},
		{audit.ListKeys, store.KeptKeys, func(a *app.App, n string) error {
			_, err := a.CreateKey(t.Context(), "uid:1", admin.KeyRequest{Name: n})
			return err
		}},
	} {
		t.Run(tc.list, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "data", string(tc.kept))
			a := opened(t, dir)
			var copies [][]byte
			for _, n := range []string{"1", "2"} {
				text, err := []byte(nil), tc.write(a, n)
				if err == nil {
					text, err = os.ReadFile(path)
				}
				if err != nil {
					t.Fatal(err)
				}
				copies = append(copies, text)
			}
			shut(t, a)
			put(t, path, copies[0])
			for range 2 {
				err := served(t, dir)
				if err == nil || !strings.Contains(err.Error(), path+" is older than it was") || !strings.Contains(err.Error(), "accept-loss "+tc.list) {
					t.Fatalf("it starts with an older list: %v", err)
				}
			}
			a = opened(t, dir)
			if err := tc.write(a, "3"); err == nil || !strings.Contains(err.Error(), "is older than it was") {
				t.Errorf("an act goes on with the older list: %v", err)
			}
			shut(t, a)
			put(t, path, copies[1])
			if err := served(t, dir); err != nil {
				t.Errorf("with the newest: %v", err)
			}
			put(t, path, copies[0])
			a = opened(t, dir)
			put(t, path, append(bytes.Clone(copies[0]), ' '))
			if err := a.AcceptLoss(t.Context(), "uid:1", admin.Loss{List: tc.list, Reason: "edited"}); err == nil {
				t.Error("the loss is accepted with a list that somebody edited")
			}
			shut(t, a)
			put(t, path, copies[0])
			if err := served(t, dir); err == nil {
				t.Error("it starts with an older list since that was refused")
			}
			a = opened(t, dir)
			if err := a.AcceptLoss(t.Context(), "uid:1", admin.Loss{List: tc.list, Reason: "no backup"}); err != nil {
				t.Fatal(err)
			}
			if err := tc.write(a, "4"); err != nil {
				t.Errorf("after it was accepted: %v", err)
			}
			shut(t, a)
			if err := served(t, dir); err != nil {
				t.Errorf("after it was accepted: %v", err)
			}
			for n := range copies {
				put(t, path, copies[n])
				if err := served(t, dir); err == nil {
					t.Errorf("it starts with list %d, which is not the one that was accepted", n)
				}
			}
		})
	}
}
