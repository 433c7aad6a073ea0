//go:build !darwin && !windows

package keyring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names of the Secret Service API (freedesktop.org, Secret Service API Draft 0.2).
const (
	secretsName    = "org.freedesktop.secrets"
	secretsPath    = dbus.ObjectPath("/org/freedesktop/secrets")
	serviceMethods = "org.freedesktop.Secret.Service."
	itemProperties = "org.freedesktop.Secret.Item"
	// plainly hands secrets over as they are: nobody but this user's processes can be on the bus
	// (listensAs).
	plainly = "plain"
	// Attributes by which libsecret, Python's keyring and others name a secret.
	attributeService, attributeAccount = "service", "username"
)

// ask reads an account's secret. It neither unlocks anything nor starts a bus.
func (p place) ask(ctx context.Context, service, account string) (item, error) {
	conn, err := p.sessionBus(ctx)
	if err != nil {
		return item{}, err
	}
	defer func() { _ = conn.Close() }() // nothing was written that could be lost
	secrets := conn.Object(secretsName, secretsPath)
	var unlocked, locked []dbus.ObjectPath
	wanted := map[string]string{attributeService: service, attributeAccount: account}
	if err := secrets.CallWithContext(ctx, serviceMethods+"SearchItems", 0, wanted).Store(&unlocked, &locked); err != nil {
		return item{}, unanswered("looking for the item", err)
	}
	switch {
	case len(unlocked)+len(locked) == 0:
		return item{}, absentf("there is no item with the attributes service and username as they are written: secret-tool store --label=LABEL service SERVICE username ACCOUNT")
	case len(unlocked)+len(locked) > 1:
		return item{}, absentf("%d items have these attributes: leave one", len(unlocked)+len(locked))
	case len(locked) == 1:
		return item{}, errLocked
	}
	return secretOf(ctx, conn, unlocked[0])
}

// errLocked is an item that only a person could have given out.
var errLocked = absentf("it is locked, and Doorward asks nobody to unlock it: unlock the keyring when its user signs in, or before Doorward is started")

// secretOf reads an item that is not locked.
func secretOf(ctx context.Context, conn *dbus.Conn, path dbus.ObjectPath) (item, error) {
	secrets := conn.Object(secretsName, secretsPath)
	var none dbus.Variant
	var session dbus.ObjectPath
	if err := secrets.CallWithContext(ctx, serviceMethods+"OpenSession", 0, plainly, dbus.MakeVariant("")).Store(&none, &session); err != nil {
		return item{}, unanswered("opening a session", err)
	}
	var found map[dbus.ObjectPath]struct {
		Session     dbus.ObjectPath
		Parameters  []byte
		Value       []byte
		ContentType string
	}
	if err := secrets.CallWithContext(ctx, serviceMethods+"GetSecrets", 0, []dbus.ObjectPath{path}, session).Store(&found); err != nil {
		return item{}, unanswered("reading the item", err)
	}
	one, there := found[path]
	if !there {
		return item{}, errLocked // since it was looked for
	}
	got := item{text: string(one.Value)}
	var modified uint64 // seconds since 1970
	when := conn.Object(secretsName, path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, itemProperties, "Modified")
	if when.Store(&modified) == nil && modified > 0 && modified < 1<<40 {
		got.changed = time.Unix(int64(modified), 0)
	}
	return got, nil
}

// unanswered is an error of a call. What another process says in it is not repeated but for the
// error's name.
func unanswered(doing string, err error) error {
	said, ok := errors.AsType[dbus.Error](err)
	if !ok {
		return fmt.Errorf("%w: %s took too long, or the bus has gone", errSilent, doing)
	}
	switch said.Name {
	case "org.freedesktop.Secret.Error.IsLocked":
		return errLocked
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
		return fmt.Errorf("%w: no keyring is on the session bus (%s): start one, such as gnome-keyring-daemon --components=secrets", errSilent, secretsName)
	}
	return fmt.Errorf("%w: %s: %s", errSilent, doing, plainName(said.Name))
}

// plainName is the name of an error of D-Bus; a word in its place where it is none.
func plainName(name string) string {
	if len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_'
	}) {
		return "an error without a name"
	}
	return name
}

// errNoBus is a process outside a session.
var errNoBus = fmt.Errorf("%w: there is no session bus (DBUS_SESSION_BUS_ADDRESS): run Doorward in the session of the user whose keyring it is, or keep the secret elsewhere, such as systemd:NAME", errSilent)

// sessionBus connects to the bus of the user's session, for as long as ctx lasts.
func (p place) sessionBus(ctx context.Context) (*dbus.Conn, error) {
	socket := p.socket()
	if socket == "" {
		return nil, errNoBus
	}
	to, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", errNoBus, errors.Unwrap(err))
	}
	if err := listensAs(to, os.Geteuid()); err != nil {
		return nil, errors.Join(err, to.Close())
	}
	end, _ := ctx.Deadline()
	if err := to.SetDeadline(end); err != nil {
		return nil, errors.Join(err, to.Close())
	}
	conn, err := dbus.NewConn(&bounded{Conn: to, left: maxAnswered}, dbus.WithContext(ctx))
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Geteuid()))}); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%w: the session bus does not let Doorward in", errSilent)
	}
	return conn, nil
}

// socket is that of the session's bus; empty: there is none. Only sockets of this machine are
// taken (D-Bus Specification, Server Addresses).
func (p place) socket() string {
	addresses, _ := p.environ("DBUS_SESSION_BUS_ADDRESS")
	for address := range strings.SplitSeq(addresses, ";") {
		rest, ok := strings.CutPrefix(address, "unix:")
		if !ok {
			continue
		}
		for pair := range strings.SplitSeq(rest, ",") {
			key, coded, _ := strings.Cut(pair, "=")
			value, err := dbus.UnescapeBusAddressValue(coded)
			switch {
			case err != nil || value == "":
			case key == "path":
				return value
			case key == "abstract":
				return "@" + value
			}
		}
	}
	if dir, _ := p.environ("XDG_RUNTIME_DIR"); addresses == "" && dir != "" {
		return dir + "/bus" // sd-bus(3)
	}
	return ""
}

// bounded is a connection of which no more is read than a keyring has to say.
type bounded struct {
	net.Conn
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.Conn.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err //nolint:wrapcheck // it is read by the D-Bus library
}
