package sandbox_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"

	"doorward/internal/sandbox"
)

// walls are what the hostile program tries, by case of the threat model's tests, and
// whether it gets it. What it gets shows that the other attempts could have succeeded.
var walls = []struct {
	id    string
	gets  bool
	names []string
}{
	{"SBX-01", true, []string{"read given", "read given read-only"}},
	{"SBX-01", false, []string{
		"read shadow", "read host's passwd", "list root's home", "list var", "read host's machine-id", "read kernel's memory", "read kernel's keys",
		"read kernel's symbols", "read docker socket", "read secret 0", "read secret 1", "read secret 2", "read secret 3", "read secret 4",
	}},
	{"SBX-02", true, []string{"write given", "write tmp", "write shm"}},
	{"SBX-02", false, []string{
		"write /", "write /usr", "write /usr/bin", "write /etc", "write /dev", "write /run", "write /proc", "write /proc/sys/kernel", "write /home",
		"write read-only", "write own program", "chmod read-only", "truncate read-only", "remove read-only", "write core_pattern",
		"write max_user_namespaces", "trigger sysrq",
	}},
	{"SBX-03", false, []string{
		"through symlink", "through hard link", "hard link of read-only", "rename across", "move hidden away", "remove hidden", "self root", "root of 1",
		"cwd of 1", "program of 1", "files of 1", "memory of 1", "dots", "dots of given", "chroot",
	}},
	{"SBX-04", false, []string{"environ of 1", "canary in environ", "canary in 1"}},
	{"SBX-05", false, []string{
		"other processes", "signal gateway", "ptrace 1", "read memory of 1", "write memory of 1", "descriptor of 1", "limits of 1", "affinity of 1",
		"niceness of 1", "niceness of user", "scheduler of 1", "old scheduler of 1", "input-output of 1", "more than own limit",
	}},
	{"SBX-05", true, []string{"own limits"}},
	{"SBX-06", false, []string{"descriptor leaked"}},
	{"SBX-07", true, []string{"own socket pair"}},
	{"SBX-07", false, []string{
		"tcp to test", "tcp to metadata", "tcp to internet", "tcp6 to internet", "dns over udp", "udp to loopback", "unix path", "unix abstract",
		"tcp listener", "raw socket", "raw6 socket", "packet socket", "netlink socket", "vsock socket", "mptcp socket", "alg socket", "bluetooth socket", "socket of 2^32+nl",
	}},
	{"SBX-10", true, []string{"private memory", "zeros of /dev/zero"}},
	{"SBX-10", false, []string{"shared memory", "validated memory", "memory of 2^32+shared", "huge pages", "shared zeros", "private zeros"}},
	{"SBX-15", true, []string{"ask personality"}},
	{"SBX-15", false, []string{"unshare user", "unshare mounts", "clone user", "clone network", "personality"}},
	{"SBX-16", true, []string{"no capability", "no bounding", "no new privileges", "filter on"}},
	{"SBX-16", false, []string{"set-user-id", "setuid 0"}},
	{"SBX-16", true, []string{"plain mode", "plain file"}},
	{"SBX-16", false, []string{"chmod suid", "fchmod sgid", "fchmodat2", "open suid", "unnamed suid", "mknod suid"}},
	{"SBX-17", false, []string{
		"mknod memory", "mknod disk", "other device", "device mem", "device kmem", "device kvm", "device fuse", "device loop0", "device sda", "device vda",
		"device ptmx", "device console",
	}},
	{"SBX-18", false, []string{"core dumped"}},
	{"SBX-29", false, []string{"tiocsti", "tiocsti of 2^32", "terminal"}},
}

// TestWalls runs the hostile program once for each user and looks at what it got.
func TestWalls(t *testing.T) {
	for _, u := range users(t) {
		t.Run(u.name, func(t *testing.T) {
			to, given := surroundings(t, &u)
			raw, err := json.Marshal(to)
			if err != nil {
				t.Fatal(err)
			}
			o := u.run(t, &job{Args: []string{asHostile, "walls", string(raw)}, Env: []string{"PATH=/usr/bin:/bin", quick, "SELF=" + u.binary}, Given: given})
			if o.Err != "" {
				t.Fatal(o.Err)
			}
			got := map[string]string{}
			if err := json.Unmarshal([]byte(o.Out), &got); err != nil {
				t.Fatalf("it wrote %q, with %v: %v", o.Out, o.Reports, err)
			}
			seen := 0
			for _, w := range walls {
				seen += len(w.names)
				t.Run(w.id, func(t *testing.T) { judge(t, got, w.names, w.gets) })
			}
			refused := refusedCalls()
			t.Run("SBX-15 calls", func(t *testing.T) {
				for name := range refused {
					if said := got["call "+name]; said != "operation not permitted" && said != "function not implemented" {
						t.Errorf("%s: %q", name, said)
					}
				}
			})
			if seen += len(refused); seen != len(got) {
				t.Errorf("%d attempts are judged, and %d were made", seen, len(got))
			}
		})
	}
}

// judge compares what was had with whether it may be.
func judge(t *testing.T, got map[string]string, names []string, gets bool) {
	t.Helper()
	for _, name := range names {
		said, tried := got[name]
		if !tried {
			t.Errorf("%s was not tried", name)
		} else if gets != (said == "") {
			t.Errorf("%s: had %v, want %v %s", name, said == "", gets, said)
		}
	}
}

// roomy are limits of this very program: the race detector reserves terabytes.
func roomy() sandbox.Limits { return sandbox.Limits{Memory: 1 << 48, FileSize: 1 << 40} }

// surroundings makes what lies around a sandbox: files that it is given, ones that it
// is not, and listeners.
func surroundings(t *testing.T, u *user) (target, sandbox.Given) {
	t.Helper()
	outside := open(t)
	at := func(parts ...string) string { return filepath.Join(append([]string{outside}, parts...)...) }
	for path, text := range map[string]string{
		at("keys", "id_ed25519"): "key", at("other", "state"): "of another server", at("read", "hidden", "records"): "Doorward's",
		at("given", "plain"): "plain", at("read", "plain"): "plain", at("read", "config.yaml"): "Doorward's", at("data", "real", "records"): "Doorward's",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, filepath.Dir(path)} {
			if err := os.Chown(p, int(u.id), int(u.id)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Doorward's directory may be named by a link, and a given one, too.
	for link, to := range map[string]string{at("dir"): at("data", "real"), at("alias"): at("data")} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	to := target{
		Secrets: []string{at("keys", "id_ed25519"), at("other", "state"), at("read", "hidden", "records"), at("read", "config.yaml"), at("alias", "real", "records")},
		Given:   at("given"), ReadOnly: at("read"), Pid: os.Getpid(),
	}
	to.TCP = listen(t, "tcp", "127.0.0.1:0")
	to.Unix = listen(t, "unix", at("s"))
	to.Abstract = listen(t, "unix", "@doorward-test-"+filepath.Base(filepath.Dir(outside))+u.name)
	return to, sandbox.Given{
		Read: []string{at("read"), at("alias"), u.binary}, Write: []string{at("given")},
		Hide: []string{at("read", "hidden"), at("read", "config.yaml"), at("dir")}, Limits: roomy(),
	}
}

// listen opens a listener that a command without walls could reach.
func listen(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if network == "unix" && address[0] != '@' {
		if err := os.Chmod(address, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return l.Addr().String()
}
