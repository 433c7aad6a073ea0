package sandbox_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"doorward/internal/sandbox"
)

func TestMain(m *testing.M) {
	if os.Args[0] == sandbox.Name {
		os.Exit(sandbox.Init())
	}
	os.Exit(m.Run())
}

// run runs a command of the system in a sandbox and returns what it wrote.
func run(t *testing.T, change func(*sandbox.Plan), argv ...string) (out string, reports []sandbox.Report) {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Fatal(err)
	}
	mounts, links, err := sandbox.Needs(sandbox.Program{Path: path, Dir: "/", Search: os.Getenv("PATH")})
	if err != nil {
		t.Fatal(err)
	}
	p := sandbox.Plan{Path: path, Dir: "/", Mounts: mounts, Links: links}
	if change != nil {
		change(&p)
	}
	var got bytes.Buffer
	cmd := &exec.Cmd{Path: path, Args: argv, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: &got, Stderr: &got}
	box, err := sandbox.Confine(cmd, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Started(cmd.Start()); err != nil {
		_ = cmd.Wait()
		t.Fatalf("%v\n%s", err, got.String())
	}
	for r := range box.Reports() {
		reports = append(reports, r)
	}
	_ = cmd.Wait()
	box.Close()
	return got.String(), reports
}

func TestLook(t *testing.T) {
	out, reports := run(t, nil, "sh", "-c", "id; ls -la / /dev /tmp /run /etc /home; cat /proc/self/status | grep -i cap; ls /proc; cat /proc/mounts; ls -l /proc/self/fd; env; hostname; pwd; touch /usr/x; echo $$; cat /proc/net/dev; cat /etc/shadow; unshare -U id; ls -la /proc/1/; ulimit -a")
	t.Log(out)
	t.Log(reports)
}

func BenchmarkStart(b *testing.B) {
	path := "/bin/true"
	mounts, links, err := sandbox.Needs(sandbox.Program{Path: path, Dir: "/", Search: os.Getenv("PATH")})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		cmd := &exec.Cmd{Path: path, Args: []string{"true"}, Env: []string{"PATH=/usr/bin:/bin"}}
		box, err := sandbox.Confine(cmd, sandbox.Plan{Path: path, Dir: "/", Mounts: mounts, Links: links}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := box.Started(cmd.Start()); err != nil {
			b.Fatal(err)
		}
		for range box.Reports() {
		}
		_ = cmd.Wait()
		box.Close()
	}
}
