//go:build linux

package stress_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A volume is what a gateway's data_dir is on, which a test takes away and gives back.
type volume struct {
	g       *gateway
	web     *web
	clients []*client
	path    string // of data_dir, as the test sees it
}

// mounted is a gateway whose data_dir is a file system of 8 MiB in memory, in a mount
// namespace of its own; ok is false where the kernel gives none to this user.
func mounted(t *testing.T) (v *volume, ok bool) {
	t.Helper()
	v = furnished(t)
	v.path = filepath.Join(v.g.dir, "data")
	if exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", v.path).Run() != nil {
		return v, false
	}
	script := filepath.Join(v.g.dir, "doorward-on-tmpfs")
	text := fmt.Sprintf("#!/bin/sh\nexec unshare -rm sh -ec 'cp -a %[1]s %[1]s.old; mount -t tmpfs -o size=8m,mode=700 none %[1]s; cp -a %[1]s.old/. %[1]s; exec %[2]s \"$@\"' sh \"$@\"\n", v.path, doorward)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	v.g.binary = script
	v.open(t)
	v.path = filepath.Join("/proc", strconv.Itoa(v.g.cmd.Process.Pid), "root", v.path)
	return v, true
}

// TestRES33_ALogOnAVolumeOfItsOwn has the log on another file system than the rest of data_dir, and fills that:
// everything goes on, and is on record. Where no namespace is to be had, the log's directory is a link to one elsewhere, and
// nothing is filled.
func TestRES33_ALogOnAVolumeOfItsOwn(t *testing.T) {
	v := furnished(t)
	v.path = filepath.Join(v.g.dir, "data")
	own := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", v.path).Run() == nil
	t.Logf("on a file system of its own: %t", own)
	log := filepath.Join(v.path, "audit")
	if own {
		script := filepath.Join(v.g.dir, "doorward-on-two")
		text := fmt.Sprintf("#!/bin/sh\nexec unshare -rm sh -ec 'cp -a %[1]s %[1]s.old; mount -t tmpfs -o size=1m,mode=700 none %[1]s; mkdir -m 700 %[1]s/audit; mount -t tmpfs -o size=8m,mode=700 none %[1]s/audit; cp -a %[1]s.old/. %[1]s; exec %[2]s \"$@\"' sh \"$@\"\n", v.path, doorward)
		if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		v.g.binary = script
	} else if err := errors.Join(os.Rename(log, log+"-elsewhere"), os.Symlink(log+"-elsewhere", log)); err != nil {
		t.Fatal(err)
	}
	v.open(t)
	if own {
		v.path = filepath.Join("/proc", strconv.Itoa(v.g.cmd.Process.Pid), "root", v.path)
		log = filepath.Join(v.path, "audit")
		swell(t, filepath.Join(v.path, "ballast"))
	}
	for _, c := range v.clients {
		if _, err := c.echo("1", c.name+"/full"); err != nil {
			t.Error(err)
		}
	}
	if status, why := v.g.health("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz says %d %s", status, why)
	}
	out, err := exec.Command(doorward, "audit", "verify", "--dir", log, "--config", v.g.file()).CombinedOutput()
	if err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
	v.g.stop()
}

// furnished is a gateway that has keys for 4 clients and does not run.
func furnished(t *testing.T) *volume {
	t.Helper()
	v := &volume{web: newWeb(t, false)}
	v.g = newGateway(t, fmt.Sprintf("upstreams: {web: {url: %q}}\nprofiles: {web: {upstreams: [web], names: plain}}\n", v.web.url))
	for _, key := range v.g.keys(4) {
		v.clients = append(v.clients, &client{key: key, version: stateless, profile: "web"})
	}
	return v
}

// open starts the gateway and has every client call once.
func (v *volume) open(t *testing.T) {
	t.Helper()
	v.g.start()
	for i, c := range v.clients {
		c.name, c.address = fmt.Sprintf("c%d", i), v.g.address
		t.Cleanup(c.close)
		if err := c.open(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.echo("1", c.name+"/warm"); err != nil {
			t.Fatal(err)
		}
	}
}

// away holds a gateway without its volume to what it must do: it refuses what it cannot
// record or judge (5030), calls nothing, says that it is not ready, and lives.
func (v *volume) away(t *testing.T) {
	t.Helper()
	refused := func(r *reply, err error) bool {
		return err == nil && r.Error != nil && r.Error.Code == 5030 && strings.HasSuffix(r.refusal(), ".unavailable")
	}
	within(t, patience, "calls are refused with 5030", func() bool {
		for _, c := range v.clients {
			if !refused(c.call("1", "echo", c.name+"/first")) {
				return false
			}
		}
		return true
	})
	before := v.web.calls.Load()
	for n := range 40 {
		c := v.clients[n%len(v.clients)]
		if r, err := c.call("1", "echo", fmt.Sprintf("%s/away%d", c.name, n)); !refused(r, err) {
			t.Fatalf("%s: %d %s, %v", c.name, r.status, r.raw, err)
		}
	}
	if n := v.web.calls.Load() - before; n != 0 {
		t.Errorf("%d calls reached the upstream", n)
	}
	within(t, patience, "/readyz says 503", func() bool {
		status, _ := v.g.health("/readyz")
		return status == http.StatusServiceUnavailable
	})
	if !v.g.alive() {
		t.Errorf("it has ended: %s", v.g.cmd.ProcessState)
	}
}

// back holds it to going on by itself, without a restart.
func (v *volume) back(t *testing.T) {
	t.Helper()
	within(t, patience, "/readyz says 200 again", func() bool {
		status, _ := v.g.health("/readyz")
		return status == http.StatusOK
	})
	for _, c := range v.clients {
		if _, err := c.echo("1", c.name+"/again"); err != nil {
			t.Error(err)
		}
	}
}

// TestDUR04_AVolumeThatIsFull fills the file system of data_dir under a gateway that runs,
// twice. Where no namespace is to be had, what one process may write (RLIMIT_FSIZE)
// stands for it.
func TestDUR04_AVolumeThatIsFull(t *testing.T) {
	v, ok := mounted(t)
	limit := func(bytes uint64) {
		r := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
		if err := unix.Prlimit(v.g.cmd.Process.Pid, unix.RLIMIT_FSIZE, &r, nil); err != nil {
			t.Fatal(err)
		}
	}
	fill, free := func() { limit(1) }, func() { limit(unix.RLIM_INFINITY) }
	if ok {
		ballast := filepath.Join(v.path, "ballast")
		fill = func() { swell(t, ballast) }
		free = func() {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
	} else {
		v.open(t)
	}
	t.Logf("on a file system of its own: %t", ok)
	for range 2 {
		fill()
		v.away(t)
		free()
		v.back(t)
	}
	out, err := exec.Command(doorward, "audit", "verify", "--dir", filepath.Join(v.path, "audit"), "--config", v.g.file()).CombinedOutput()
	if err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
	v.g.stop()
}

// swell makes a file as large as its file system lets it be.
func swell(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 1} {
		for block := make([]byte, size); ; {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
}

// TestDUR06_AVolumeThatIsClosed takes from a gateway that runs the right to enter its
// data_dir, and gives it back. The gateway is nobody special: as root it would enter it
// all the same.
func TestDUR06_AVolumeThatIsClosed(t *testing.T) {
	v := furnished(t)
	if os.Getuid() == 0 { // the owner of the files, with no right beyond that
		v.g.process = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: 0, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: 0, Size: 1}},
		}
	}
	v.open(t)
	data := filepath.Join(v.g.dir, "data")
	for range 2 {
		if err := os.Chmod(data, 0); err != nil {
			t.Fatal(err)
		}
		v.away(t)
		if err := os.Chmod(data, 0o700); err != nil {
			t.Fatal(err)
		}
		v.back(t)
	}
	v.g.stop()
	v.g.verify()
}

// TestDUR06_AVolumeThatIsReadOnly starts a gateway on a data_dir that is mounted for
// reading alone: it does not serve, and does on the same directory when it can write. (One
// that runs keeps its log open, and the kernel mounts nothing for reading alone in which a
// file is open for writing.)
func TestDUR06_AVolumeThatIsReadOnly(t *testing.T) {
	v := furnished(t)
	data := filepath.Join(v.g.dir, "data")
	binary := v.g.binary
	if exec.Command("unshare", "-rm", "mount", "--bind", data, data).Run() == nil {
		script := filepath.Join(v.g.dir, "doorward-read-only")
		text := fmt.Sprintf("#!/bin/sh\nexec unshare -rm sh -ec 'mount --bind %[1]s %[1]s; mount -o remount,bind,ro %[1]s; exec %[2]s \"$@\"' sh \"$@\"\n", data, doorward)
		if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		v.g.binary = script
	} else if err := os.Chmod(data, 0o500); err != nil {
		t.Fatal(err)
	}
	if v.g.launch() {
		t.Fatal("it serves, and can write nothing")
	}
	if v.g.cmd.ProcessState.ExitCode() != 1 || v.g.stderr.count("read-only file system")+v.g.stderr.count("permission denied") == 0 {
		t.Errorf("%s: %s", v.g.cmd.ProcessState, v.g.stderr.tail(500))
	}
	v.g.binary = binary
	if err := os.Chmod(data, 0o700); err != nil {
		t.Fatal(err)
	}
	v.open(t)
	v.g.stop()
	v.g.verify()
}
