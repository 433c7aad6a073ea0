package app

import (
	"os"
	"testing"

	"doorward/internal/admin"
)

// GDP-04: a hold of a name in clear, which has no key in the log, keeps the other stores
// as well; after the release they forget.
func TestGDP04AHoldOfANameInClear(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a := operator(t, dir, "audit: {identity: plain}\n")
	key, err := a.CreateKey(t.Context(), "uid:0", admin.KeyRequest{Name: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RevokeKey(t.Context(), "uid:0", key.ID); err != nil {
		t.Fatal(err)
	}
	hold, err := a.AddHold(t.Context(), "uid:0", admin.HoldRequest{Subject: "alice", Reason: "claim 7"})
	if err != nil {
		t.Fatal(err)
	}
	e := admin.Erasure{Whom: admin.Whom{Subject: "alice"}, Basis: "Art. 17"}
	got, err := a.Erase(t.Context(), "uid:0", e)
	if err != nil || got.APIKeys != 0 || len(got.Refused) != 1 || got.Refused[0].Hold != hold.ID {
		t.Errorf("of somebody held: %+v, %v", got, err)
	}
	if err := a.ReleaseHold(t.Context(), "uid:0", admin.Release{ID: hold.ID, Reason: "settled"}); err != nil {
		t.Fatal(err)
	}
	if got, err = a.Erase(t.Context(), "uid:0", e); err != nil || got.APIKeys != 1 || len(got.Refused) != 0 {
		t.Errorf("after the release: %+v, %v", got, err)
	}
}
