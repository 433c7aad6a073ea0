package container_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"doorward/internal/sandbox/container"
)

// fixture is docker or podman as they behave at their command line: this test's own
// program under their names, with its containers as files of a directory. It reads
// options as theirs do (github.com/spf13/pflag: --name=value or --name value, nothing
// after the first word that is none), refuses those that it does not know, and has no
// walls: what it shows is what the real ones would have been told.
type fixture struct {
	kind, dir string
	env       []string
}

const owned = "00112233445566778899aabbccddeeff"

func standIn(t *testing.T, kind string) *fixture {
	t.Helper()
	f := &fixture{kind: kind, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, as := range map[string]string{kind: "-stand-in " + f.dir, "probe": "-in-container"} {
		// The race detector's runtime sleeps a second at the end unless told.
		script := "#!/bin/sh\nGORACE=atexit_sleep_ms=0 exec " + self + " " + as + " \"$@\"\n"
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", f.dir)
	f.env = []string{"PATH=" + f.dir, "HOME=" + f.dir, "CANARY=of Doorward's own environment", "LD_PRELOAD=/nowhere"}
	return f
}

func (f *fixture) client(t *testing.T) *container.Client {
	t.Helper()
	c, err := container.NewClient(f.kind, f.env, owned)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put changes how the stand-in behaves: a file of its directory.
func (f *fixture) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// containers are the names of those that are there.
func (f *fixture) containers(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(f.dir, "*.container"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// made is a container of the stand-in.
type made struct {
	Options map[string][]string
	Env     []string
	Command []string
}

// switches are the options of create that have no value; valued those that have one.
var (
	switches = []string{"rm", "interactive", "read-only", "no-healthcheck", "http-proxy", "read-only-tmpfs", "systemd", "no-hosts"}
	valued   = []string{
		"name", "label", "pull", "entrypoint", "cap-drop", "security-opt", "network", "ipc", "cgroupns", "hostname", "log-driver", "stop-timeout", "user",
		"image-volume", "sdnotify", "userns", "memory", "memory-swap", "cpus", "pids-limit", "ulimit", "shm-size", "tmpfs", "mount", "env",
	}
)

type values []string

func (v *values) String() string     { return strings.Join(*v, " ") }
func (v *values) Set(s string) error { *v = append(*v, s); return nil }

// client is the stand-in: what docker and podman do with these arguments, of which the
// first is where it keeps its containers.
func client(args []string) int {
	dir := args[0]
	var err error
	switch args[1] {
	case "version", "info", "context":
		var said []byte
		if said, err = os.ReadFile(filepath.Join(dir, args[1])); err == nil {
			_, err = os.Stdout.Write(said)
		}
	case "ps":
		found, _ := filepath.Glob(filepath.Join(dir, "*.container"))
		for _, at := range found {
			m, _ := load(at)
			if slices.Contains(args, "--filter=label="+strings.Join(m.Options["label"], "")) {
				fmt.Println(strings.TrimSuffix(filepath.Base(at), ".container"))
			}
		}
	case "rm":
		err = os.Remove(filepath.Join(dir, args[len(args)-1]+".container"))
		if errors.Is(err, os.ErrNotExist) {
			err = errors.New("No such container: " + args[len(args)-1])
		}
	case "create":
		err = create(dir, args[2:])
	case "container":
		err = inspect(dir, args[len(args)-1])
	case "start":
		return start(dir, args[2:])
	default:
		err = fmt.Errorf("unknown command: %s", args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 125
	}
	return 0
}

func load(at string) (m made, err error) {
	raw, err := os.ReadFile(at)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	return m, err
}

func create(dir string, args []string) error {
	flags := flag.NewFlagSet("create", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	got := map[string]*values{}
	for _, name := range valued {
		got[name] = &values{}
		flags.Var(got[name], name, "")
	}
	for _, name := range switches {
		flags.Bool(name, false, "")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	m := made{Options: map[string][]string{}, Command: append([]string{got["entrypoint"].String()}, flags.Args()[1:]...)}
	for name, v := range got {
		m.Options[name] = *v
	}
	for _, name := range switches {
		m.Options[name] = []string{flags.Lookup(name).Value.String()}
	}
	m.Options["image"] = flags.Args()[:1]
	for _, kv := range *got["env"] {
		if !strings.Contains(kv, "=") {
			v, ok := os.LookupEnv(kv)
			if !ok {
				continue
			}
			kv += "=" + v
		}
		m.Env = append(m.Env, kv)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, got["name"].String()+".container"), raw, 0o600)
}

// inspect says what was made, in the words of Docker Engine's API; the file "more" is
// what a daemon adds of its own.
func inspect(dir, name string) error {
	m, err := load(filepath.Join(dir, name+".container"))
	if err != nil {
		return err
	}
	number := func(option string) int64 {
		n, _ := strconv.ParseFloat(strings.Join(m.Options[option], ""), 64)
		return int64(n)
	}
	cpus, _ := strconv.ParseFloat(m.Options["cpus"][0], 64)
	mounts := []map[string]any{}
	for _, o := range m.Options["mount"] {
		parts := strings.Split(o, ",")
		mounts = append(mounts, map[string]any{
			"Type": "bind", "Source": strings.TrimPrefix(parts[1], "source="), "Destination": strings.TrimPrefix(parts[2], "target="), "RW": !slices.Contains(parts, "readonly"),
		})
	}
	tmpfs := map[string]string{}
	for _, o := range m.Options["tmpfs"] {
		at, with, _ := strings.Cut(o, ":")
		tmpfs[at] = with
	}
	host := map[string]any{
		"Privileged": false, "ReadonlyRootfs": m.Options["read-only"][0] == "true", "NetworkMode": m.Options["network"][0], "IpcMode": m.Options["ipc"][0], "PidMode": "", "UTSMode": "", "UsernsMode": strings.Join(m.Options["userns"], ""),
		"CgroupnsMode": m.Options["cgroupns"][0], "CapDrop": m.Options["cap-drop"], "SecurityOpt": m.Options["security-opt"], "Devices": []string{}, "MaskedPaths": []string{"/proc/kcore"},
		"Memory": number("memory"), "MemorySwap": number("memory-swap"), "NanoCpus": int64(cpus * 1e9), "PidsLimit": number("pids-limit"), "Tmpfs": tmpfs,
	}
	all := map[string]any{"Host": host, "Mounts": mounts, "User": m.Options["user"][0], "Image": m.Options["image"][0]}
	if raw, err := os.ReadFile(filepath.Join(dir, "more")); err == nil {
		more := map[string]any{}
		if err := json.Unmarshal(raw, &more); err != nil {
			return err
		}
		maps.Copy(host, more)
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// start runs a container's program, without walls, and removes the container after it.
func start(dir string, args []string) int {
	at := filepath.Join(dir, args[len(args)-1]+".container")
	m, err := load(at)
	if err != nil || !slices.Equal(args[:len(args)-1], []string{"--attach", "--interactive"}) {
		fmt.Fprintln(os.Stderr, "Error:", args, err)
		return 125
	}
	defer func() { _ = os.Remove(at) }()
	cmd := exec.Cmd{Path: filepath.Join(dir, m.Command[0]), Args: m.Command, Env: append(m.Env, "PATH=/usr/bin", "HOSTNAME=sandbox"), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := cmd.Run(); err != nil {
		return cmd.ProcessState.ExitCode()
	}
	return 0
}

// probe is what runs in a container: it says what it got, then repeats what it reads.
func probe() int {
	out := map[string]any{"args": slices.DeleteFunc(os.Args[1:], func(a string) bool { return a == "-in-container" }), "env": os.Environ(), "uid": os.Getuid()}
	raw, err := json.Marshal(out)
	if err != nil {
		return 1
	}
	fmt.Println(string(raw))
	var in bytes.Buffer
	if _, err := io.Copy(&in, os.Stdin); err != nil {
		return 1
	}
	fmt.Print(in.String())
	return 0
}
