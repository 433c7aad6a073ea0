//go:build !darwin && !windows

package keyring_test

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"doorward/internal/secret/keyring"
	"doorward/internal/secret/keyring/keyringtest"
)

func TestSecretService(t *testing.T) {
	address := keyringtest.Bus(t)
	s := keyringtest.Serve(t, address)
	fresh := func() *keyring.Keyring { return keyring.New(keyringtest.Environ(address)) }
	refuses(t, fresh(), "no item with the attributes")
	s.Put(t, "doorward", "gitlab", "CANARY-of-another")
	s.Put(t, "doorward", "github", canary)
	k := fresh()
	text, changed, err := k.Read("doorward/github", false)
	if err != nil || text != canary || time.Since(changed) > time.Minute {
		t.Fatalf("it is %q since %v, %v", text, changed, err)
	}
	s.Put(t, "doorward", "github", "CANARY-the-next")
	for text == canary && err == nil { // who asks anew has it within a moment
		text, _, err = k.Read("doorward/github", true)
	}
	if err != nil || text != "CANARY-the-next" {
		t.Errorf("asked anew: %q, %v", text, err)
	}
	s.Lock(true)
	refuses(t, fresh(), "locked")
	s.Lock(false)
	s.PutToo(t, "doorward", "github", "CANARY-twice")
	refuses(t, fresh(), "2 items")
	s.Forget()
	s.Put(t, "doorward", "github", strings.Repeat("CANARY", 23_000))
	refuses(t, fresh(), "nobody answers") // it is more than a keyring has to say
	if asked := s.Asked(); slices.Contains(asked, "Unlock") || !slices.Contains(asked, "GetSecrets") {
		t.Errorf("it was asked %v", asked)
	}
}

// Who does not answer is waited for no longer than a reading may take.
func TestNobodyAnswers(t *testing.T) {
	address := keyringtest.Bus(t)
	empty := keyring.New(keyringtest.Environ(address))
	refuses(t, empty, "no keyring is on the session bus")
	s := keyringtest.Serve(t, address)
	end := s.Silence()
	defer end()
	silent := keyring.New(keyringtest.Environ(address))
	silent.Impatient(50 * time.Millisecond)
	refuses(t, silent, "took too long")

	mute, err := net.Listen("unix", filepath.Join(t.TempDir(), "mute"))
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for place, want := range map[string]string{
		"unix:path=" + mute.Addr().String(): "does not let Doorward in",
		"unix:path=/nonexistent/bus":        "no session bus",
		"unixexec:path=/bin/false":          "no session bus",
		"tcp:host=127.0.0.1,port=1":         "no session bus",
		"autolaunch:":                       "no session bus",
		"":                                  "no session bus",
	} {
		k := keyring.New(keyringtest.Environ(place))
		k.Impatient(50 * time.Millisecond)
		refuses(t, k, want)
	}
	in := func(name string) (string, bool) {
		return filepath.Dir(strings.TrimPrefix(address, "unix:path=")), name == "XDG_RUNTIME_DIR"
	}
	refuses(t, keyring.New(in), "no session bus") // its socket is not called bus
}

// GNOME Keyring, where it is installed, is held to the same.
func TestGNOMEKeyring(t *testing.T) {
	program, err := exec.LookPath("gnome-keyring-daemon")
	if err != nil {
		t.Skip("gnome-keyring-daemon is not installed (scripts/parts says so, too); the stand-in is held to the same by the tests above")
	}
	address, home := keyringtest.Bus(t), t.TempDir()
	daemon := exec.Command(program, "--foreground", "--unlock", "--components=secrets", "--control-directory="+home)
	daemon.Env = []string{"DBUS_SESSION_BUS_ADDRESS=" + address, "HOME=" + home, "XDG_RUNTIME_DIR=" + home, "XDG_DATA_HOME=" + home}
	daemon.Stdin = strings.NewReader("a password")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait() // it was killed
	}()
	conn := keyringtest.Connect(t, address)
	for end := time.Now().Add(30 * time.Second); conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").Call("org.freedesktop.DBus.Peer.Ping", 0).Err != nil; {
		if time.Now().After(end) {
			t.Fatal("it does not start")
		}
		time.Sleep(10 * time.Millisecond)
	}
	secrets := conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	var none dbus.Variant
	var session, collection, made, prompt dbus.ObjectPath
	if err := secrets.Call("org.freedesktop.Secret.Service.OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&none, &session); err != nil {
		t.Fatal(err)
	}
	if err := secrets.Call("org.freedesktop.Secret.Service.ReadAlias", 0, "default").Store(&collection); err != nil {
		t.Fatal(err)
	}
	put := func(text string) {
		t.Helper()
		with := map[string]dbus.Variant{
			"org.freedesktop.Secret.Item.Label":      dbus.MakeVariant("of a test"),
			"org.freedesktop.Secret.Item.Attributes": dbus.MakeVariant(map[string]string{"service": "doorward", "username": "github"}),
		}
		value := keyringtest.Secret{Session: session, Parameters: []byte{}, Value: []byte(text), ContentType: "text/plain"}
		if err := conn.Object("org.freedesktop.secrets", collection).Call("org.freedesktop.Secret.Collection.CreateItem", 0, with, value, true).Store(&made, &prompt); err != nil {
			t.Fatal(err)
		}
	}
	fresh := func() *keyring.Keyring { return keyring.New(keyringtest.Environ(address)) }
	refuses(t, fresh(), "no item with the attributes")
	put(canary)
	text, changed, err := fresh().Read("doorward/github", false)
	if err != nil || text != canary || time.Since(changed) > time.Minute {
		t.Fatalf("it is %q since %v, %v", text, changed, err)
	}
	put("CANARY-the-next")
	reads(t, fresh(), false, "CANARY-the-next")
	var locked []dbus.ObjectPath
	if err := secrets.Call("org.freedesktop.Secret.Service.Lock", 0, []dbus.ObjectPath{collection}).Store(&locked, &prompt); err != nil {
		t.Fatal(err)
	}
	refuses(t, fresh(), "locked")
	if err := daemon.Process.Kill(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}
