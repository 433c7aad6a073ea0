package sandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"doorward/internal/sandbox"
)

// Names under which this binary is run again.
const (
	asGateway = "gateway" // starts the sandbox that its standard input describes
	asHostile = "hostile" // runs inside and tries the walls
	asProver  = "prover"  // has a probe try the sandbox that its standard input describes
)

func TestMain(m *testing.M) {
	switch os.Args[0] {
	case sandbox.Name, sandbox.Entry:
		sandbox.Patient()
		os.Exit(sandbox.Init())
	case asGateway:
		os.Exit(gateway())
	case asProver:
		os.Exit(prove())
	case asHostile:
		os.Exit(hostile(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// job is a command to confine, and what it is given.
type job struct {
	Path  string
	Args  []string
	Env   []string
	Given sandbox.Given
	Files []sandbox.File
	// Direct lets the command write to the gateway's own output.
	Direct bool
}

// outcome is what became of a job.
type outcome struct {
	Out     string
	Reports []sandbox.Report
	Code    int // its exit status
	Err     string
}

// confine prepares the sandbox of a job.
func (j *job) confine(out io.Writer) (*exec.Cmd, *sandbox.Box, error) {
	p, err := sandbox.NewPlan(sandbox.Program{Path: j.Path, Dir: "/", Search: "/usr/bin:/bin", System: true}, j.Given, j.Files)
	if err != nil {
		return nil, nil, err
	}
	cmd := &exec.Cmd{Path: j.Path, Args: j.Args, Env: j.Env, Stdout: out, Stderr: out}
	if j.Direct {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	}
	var maker sandbox.Maker
	defer maker.Close()
	box, err := maker.Confine(cmd, p, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := box.Started(cmd.Start()); err != nil {
		if cmd.Process != nil {
			_ = cmd.Wait()
		}
		return nil, nil, err
	}
	return cmd, box, nil
}

// do runs a job to its end.
func (j *job) do() (o outcome) {
	var out bytes.Buffer
	cmd, box, err := j.confine(&out)
	if err != nil {
		return outcome{Err: err.Error()}
	}
	for r := range box.Reports() {
		o.Reports = append(o.Reports, r)
	}
	_ = cmd.Wait()
	box.Close()
	o.Out, o.Code = out.String(), cmd.ProcessState.ExitCode()
	return o
}

// gateway does the job on its standard input and writes the outcome.
func gateway() int {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return 2
	}
	if json.NewEncoder(os.Stdout).Encode(j.do()) != nil {
		return 1
	}
	return 0
}

// user is somebody who runs the gateway.
type user struct {
	name   string
	binary string // this test, where that user may read it
	id     uint32
}

// nobody is an ordinary user of the tests'.
const nobody = 65534

// users are who runs this test and, where that is root, an ordinary user.
func users(t *testing.T) (all []user) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	id := uint32(os.Geteuid())
	all = []user{{"who tests", self, id}}
	if id != 0 {
		return all
	}
	binary := filepath.Join(open(t), "sandbox.test")
	if err := os.Link(self, binary); err != nil {
		raw, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(binary, raw, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return append(all, user{"an ordinary user", binary, nobody})
}

// open is a directory that everybody may enter.
func open(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a job in a gateway of the user's, whose environment holds a canary.
func (u *user) run(t *testing.T, j *job) (o outcome) {
	t.Helper()
	if j.Path == "" {
		j.Path = u.binary
	}
	raw, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	cmd := u.command(asGateway, raw)
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("the gateway: %v\n%s", err, log.String())
	}
	if err := json.Unmarshal(out.Bytes(), &o); err != nil {
		t.Fatalf("the gateway wrote %q: %v", out.String(), err)
	}
	return o
}

// command is this binary under another name, as the user.
func (u *user) command(name string, in []byte) *exec.Cmd {
	cmd := &exec.Cmd{Path: u.binary, Args: []string{name}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin", canary, quick}, Stdin: bytes.NewReader(in)}
	if u.id != uint32(os.Geteuid()) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.id, Gid: u.id}}
	}
	return cmd
}

// canary is a variable of the gateway's that no command may see.
const canary = "DOORWARD_TEST_CANARY=4f1c9b7e"

// quick ends a program under the race detector without its second of waiting.
const quick = "GORACE=atexit_sleep_ms=0"

func canaryValue() string { return strings.SplitN(canary, "=", 2)[1] }

func BenchmarkStart(b *testing.B) {
	path := "/bin/true"
	mounts, links, err := sandbox.Needs(sandbox.Program{Path: path, Dir: "/", Search: os.Getenv("PATH")})
	if err != nil {
		b.Fatal(err)
	}
	var maker sandbox.Maker
	defer maker.Close()
	for b.Loop() {
		cmd := &exec.Cmd{Path: path, Args: []string{"true"}, Env: []string{"PATH=/usr/bin:/bin"}}
		box, err := maker.Confine(cmd, sandbox.Plan{Path: path, Dir: "/", Mounts: mounts, Links: links}, nil)
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
