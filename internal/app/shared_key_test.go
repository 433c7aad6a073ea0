package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/config"
	"doorward/internal/secret"
)

// Gateways with the same state.key of the configuration seal alike, whatever their data
// directories hold; a secret that is no key is refused.
func TestSharedKey(t *testing.T) {
	t.Parallel()
	const hexKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	of := func(dir, state, text string) ([32]byte, error) {
		a := &App{Options: Options{Config: &config.Config{State: config.State{Key: state}, Secrets: map[string]config.Secret{"k": {From: "env:K"}}}, Environment: []string{"K=" + text}}}
		a.places = secret.Places{Environ: a.variable, Past: &secret.Past{}}
		return a.sharedKey(dir)
	}
	one, other := t.TempDir(), t.TempDir()
	a, err := of(one, "k", hexKey)
	b, again := of(other, "k", strings.ToUpper(hexKey)+"\n")
	if err != nil || again != nil || a != b || a[31] != 0x1f {
		t.Errorf("%x, %v and %x, %v", a, err, b, again)
	}
	if _, err := os.Stat(filepath.Join(one, "state.key")); !os.IsNotExist(err) {
		t.Errorf("a key was made that nobody needs: %v", err)
	}
	for _, bad := range []string{"", hexKey[2:], hexKey + "20", "z" + hexKey[1:]} {
		if _, err := of(one, "k", bad); err == nil || !strings.Contains(err.Error(), "state.key") || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%d digits: %v", len(bad), err)
		}
	}
	mine, err := of(one, "", "")
	yours, also := of(other, "", "")
	if err != nil || also != nil || mine == yours {
		t.Errorf("without it two gateways have one key: %v, %v", err, also)
	}
}
