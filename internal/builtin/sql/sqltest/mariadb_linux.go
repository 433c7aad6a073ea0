package sqltest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where Debian keeps MariaDB's server, and what a database of it is made by.
const (
	mariaProgram = "/usr/sbin/mariadbd"
	mariaTables  = "/usr/share/mysql"
)

// MariaDB is a server of the test's own, at a socket in a directory and, in the clear and
// over TLS, at a port of loopback. Its user root has no password. It keeps nothing that
// would outlive a crash.
type MariaDB struct {
	Socket string
	Port   int
	CA     string // the file of its authority, which it is itself; for 127.0.0.1
}

// NewMariaDB starts a server, which ends with the test. It does not run as root: then it
// runs as the user mysql, which its package made.
func NewMariaDB(t testing.TB) *MariaDB {
	t.Helper()
	if _, err := os.Stat(mariaProgram); err != nil {
		t.Fatal("MariaDB is missing: run scripts/parts first (make test does)")
	}
	// A socket's path is short, and the user mysql has to reach it.
	dir, err := os.MkdirTemp("/tmp", "doorward-my-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := mariaUser(t)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	mariaCertificate(t, dir)
	if as != nil {
		for _, at := range []string{dir, data, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")} {
			if err := os.Chown(at, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	flags := []string{
		"--no-defaults", "--datadir=" + data, "--debug-no-sync", "--innodb-flush-method=nosync", "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M", "--innodb-use-native-aio=0",
		"--innodb-data-file-path=ibdata1:4M:autoextend", "--innodb-temp-data-file-path=ibtmp1:1M:autoextend", "--innodb-undo-tablespaces=0", "--aria-pagecache-buffer-size=1M",
		"--innodb-buffer-pool-load-at-startup=0", "--performance-schema=0", "--skip-log-bin",
	}
	bootstrap(t, as, flags)
	m := &MariaDB{Socket: filepath.Join(dir, "s"), CA: filepath.Join(dir, "cert.pem"), Port: loopbackPort(t)}
	server := exec.CommandContext(t.Context(), mariaProgram, append(flags, "--socket="+m.Socket, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(m.Port), "--pid-file="+filepath.Join(dir, "pid"),
		"--ssl-cert="+m.CA, "--ssl-key="+filepath.Join(dir, "key.pem"))...)
	server.SysProcAttr = as
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	server.Stdout, server.Stderr = said, said
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Wait() // killed, when the test ends
	}()
	t.Cleanup(func() { <-ended })
	for end := time.Now().Add(time.Minute); !m.answers(t); {
		select {
		case <-ended:
			text, _ := os.ReadFile(said.Name())
			t.Fatalf("MariaDB has ended: %s", text)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatal("MariaDB does not answer within a minute")
		}
	}
	return m
}

// answers tells whether a server says who it is.
func (m *MariaDB) answers(t testing.TB) bool {
	c, err := new(net.Dialer).DialContext(t.Context(), "unix", m.Socket)
	if err != nil {
		return false
	}
	defer c.Close()
	n, _ := c.Read(make([]byte, 8))
	return n > 0
}

// bootstrap makes the tables that a server keeps its accounts in.
func bootstrap(t testing.TB, as *syscall.SysProcAttr, flags []string) {
	t.Helper()
	var script bytes.Buffer
	script.WriteString("CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n")
	for _, name := range []string{"mysql_system_tables.sql", "mysql_system_tables_data.sql"} {
		text, err := os.ReadFile(filepath.Join(mariaTables, name))
		if err != nil {
			t.Fatal(err)
		}
		script.Write(text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, mariaProgram, append(flags, "--bootstrap")...)
	cmd.SysProcAttr, cmd.Stdin = as, &script
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making a database of MariaDB: %v: %s", err, bytes.TrimSpace(said))
	}
}

// mariaUser is the user that a server runs as; nil: the test's own.
func mariaUser(t testing.TB) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("mysql")
	if err != nil {
		t.Fatalf("there is no user mysql: %v", err)
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	if uidErr != nil || gidErr != nil {
		t.Fatalf("the user mysql: %v, %v", uidErr, gidErr)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// mariaCertificate writes cert.pem and key.pem, for 127.0.0.1.
func mariaCertificate(t testing.TB, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// loopbackPort is a port of 127.0.0.1 that was free a moment ago.
func loopbackPort(t testing.TB) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// DSN is the URL of a database of it for an account without a password, with what else is
// written behind it.
func (m *MariaDB) DSN(account, database, options string) string {
	return strings.TrimSuffix(fmt.Sprintf("mariadb://%s@127.0.0.1:%d/%s?%s", account, m.Port, database, options), "?")
}
