package container_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"doorward/internal/sandbox"
	"doorward/internal/sandbox/container"
)

const (
	goodVersion = `{"Client":{"Version":"29.5.1"},"Server":{"Components":[{"Name":"Engine","Version":"29.5.1"},{"Name":"containerd","Version":"v1.7.33"},{"Name":"runc","Version":"1.4.3"}]}}`
	goodOptions = `["name=seccomp,profile=builtin","name=cgroupns"]`
	goodPodman  = `{"host":{"ociRuntime":{"name":"crun","version":"crun version 1.30\ncommit: 0"},"security":{"seccompEnabled":true,"seccompProfilePath":"/usr/share/containers/seccomp.json"}},"version":{"Version":"5.8.10"}}`
)

func daemon(t *testing.T, kind string) *fixture {
	t.Helper()
	f := standIn(t, kind)
	if kind == container.Docker {
		f.put(t, "version", goodVersion)
		f.put(t, "info", goodOptions)
		f.put(t, "context", `"unix:///var/run/docker.sock"`)
		return f
	}
	f.put(t, "info", goodPodman)
	return f
}

// run runs a container to its end and is what it wrote.
func run(t *testing.T, c *container.Client, s container.Spec, input string) string {
	t.Helper()
	var cmd exec.Cmd
	var out bytes.Buffer
	box, err := c.Confine(&cmd, s)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, os.Stderr
	if err := box.Started(cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	box.Ended()
	for r := range box.Reports() {
		t.Errorf("a limit was met: %v", r)
	}
	return out.String()
}

// With CONTAINER_KIND=podman (or docker) and CONTAINER_IMAGE=sha256:ID the same runs in
// the real thing: an image whose /probe is this test's program, built without cgo.
func TestACommandRunsInItsContainer(t *testing.T) {
	kinds, image := []string{container.Docker, container.Podman}, "mcp/files@"+digest
	realKind := os.Getenv("CONTAINER_KIND")
	if realKind != "" {
		kinds, image = []string{realKind}, os.Getenv("CONTAINER_IMAGE")
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			var c *container.Client
			if realKind != "" {
				if c, err = container.NewClient(kind, os.Environ(), owned); err != nil {
					t.Fatal(err)
				}
			} else {
				c = daemon(t, kind).client(t)
			}
			s := spec()
			s.Image, s.Read, s.UID, s.Weaker = image, []string{dir}, 0, realKind != ""
			s.Env = []string{"TOKEN=s3cret"}
			said, rest, _ := strings.Cut(run(t, c, s, "hello\n"), "\n")
			var got struct {
				Args, Env []string
				UID       int
			}
			if err := json.Unmarshal([]byte(said), &got); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			if want := []string{"-v", "/:/h", "--privileged"}; !slices.Equal(got.Args, want) || rest != "hello\n" {
				t.Errorf("arguments %q and echo %q, want %q and hello", got.Args, rest, want)
			}
			for _, want := range []string{"TOKEN=s3cret", "HOME=/tmp"} {
				if !slices.Contains(got.Env, want) {
					t.Errorf("%s is missing in %q", want, got.Env)
				}
			}
			if all := strings.Join(got.Env, " "); strings.Contains(all, "CANARY") || strings.Contains(all, "LD_PRELOAD") {
				t.Errorf("it has of Doorward's environment: %s", all)
			}
			if realKind != "" && got.UID != 65534 {
				t.Errorf("it runs as %d", got.UID)
			}
		})
	}
}

// What a client says of a container that is what was asked for, without its mounts.
const asked = `"ReadonlyRootfs":true,"NetworkMode":"none","CapDrop":["ALL"],"SecurityOpt":["no-new-privileges"],"MaskedPaths":["/proc/kcore"],"Memory":536870912,"MemorySwap":536870912,"NanoCpus":1000000000,"PidsLimit":256`

func TestSBX23_WhatADaemonAddsIsNeverStarted(t *testing.T) {
	f := daemon(t, container.Docker)
	f.put(t, "more", `{"Privileged":true}`)
	var cmd exec.Cmd
	if _, err := f.client(t).Confine(&cmd, spec()); err == nil || !strings.Contains(err.Error(), "privileged") {
		t.Errorf("it is refused with %v", err)
	}
	if left := f.containers(t); left != nil || cmd.Path != "" {
		t.Errorf("left are %q, and a command %q", left, cmd.Path)
	}
	for name, tc := range map[string]struct{ more, want string }{
		"privileged":       {`{"Privileged":true}`, "privileged"},
		"root file system": {`{"ReadonlyRootfs":false}`, "root file system can be written"},
		"network":          {`{"NetworkMode":"host"}`, `network is "host"`},
		"processes":        {`{"PidMode":"host"}`, `process namespace is "host"`},
		"ipc":              {`{"IpcMode":"container:x"}`, "IPC namespace"},
		"host name":        {`{"UTSMode":"host"}`, "host name namespace"},
		"users":            {`{"UsernsMode":"host"}`, "user namespace"},
		"cgroup":           {`{"CgroupnsMode":"host"}`, "cgroup namespace"},
		"device":           {`{"Devices":[{"PathOnHost":"/dev/kvm"}]}`, "devices"},
		"gpu":              {`{"DeviceRequests":[{"Count":-1}]}`, "devices"},
		"seccomp":          {`{"SecurityOpt":["no-new-privileges","seccomp=unconfined"]}`, "seccomp=unconfined"},
		"apparmor":         {`{"SecurityOpt":["no-new-privileges","apparmor=unconfined"]}`, "apparmor=unconfined"},
		"selinux":          {`{"SecurityOpt":["no-new-privileges","label=disable"]}`, "label=disable"},
		"privileges":       {`{"SecurityOpt":[]}`, "no-new-privileges"},
		"capability":       {`{"CapAdd":["SYS_ADMIN"]}`, "SYS_ADMIN"},
		"capabilities":     {`{"CapDrop":null}`, "not dropped"},
		"proc":             {`{"MaskedPaths":[]}`, "/proc"},
		"volumes":          {`{"VolumesFrom":["other"]}`, "volumes of other"},
		"group":            {`{"GroupAdd":["docker"]}`, "groups docker"},
		"sysctl":           {`{"Sysctls":{"net.ipv4.ip_forward":"1"}}`, "settings of the kernel"},
		"runtime":          {`{"Runtime":"nvidia"}`, `runtime is "nvidia"`},
		"port":             {`{"PortBindings":{"80/tcp":[]}}`, "ports"},
		"tmpfs":            {`{"Tmpfs":{"/usr":"rw"}}`, "/usr"},
		"memory":           {`{"Memory":0}`, "memory"},
		"swap":             {`{"MemorySwap":-1}`, "swap"},
		"cpu":              {`{"NanoCpus":0}`, "processors"},
		"pids":             {`{"PidsLimit":0}`, "processes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec()
			// Of a name that comes twice the last one counts (encoding/json).
			err := s.Verify([]byte(`{"Host":{` + asked + "," + tc.more[1:] + `,"User":"1000:1000"}`))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("it is refused with %v, want %q", err, tc.want)
			}
		})
	}
}

func TestSBX23_MountsThatWereNotAskedForAreRefused(t *testing.T) {
	const host = `{"Host":{` + asked + `},"User":"1000:1000","Mounts":[`
	s := spec()
	s.Read, s.Write = []string{"/srv/a"}, []string{"/srv/b"}
	const a, b = `{"Type":"bind","Source":"/srv/a","Destination":"/srv/a"}`, `{"Type":"bind","Source":"/srv/b","Destination":"/srv/b","RW":true}`
	for name, tc := range map[string]struct{ mounts, want string }{
		"what was asked": {a + "," + b, ""},
		"the socket":     {a + "," + b + `,{"Type":"bind","Source":"/var/run/docker.sock","Destination":"/var/run/docker.sock"}`, "docker.sock"},
		"another source": {`{"Type":"bind","Source":"/","Destination":"/srv/a"},` + b, "not asked for"},
		"may write":      {`{"Type":"bind","Source":"/srv/a","Destination":"/srv/a","RW":true},` + b, "may write to /srv/a"},
		"missing":        {b, "not given /srv/a"},
		"twice":          {a + "," + a + "," + b, "not asked for"},
		"a volume":       {a + "," + b + `,{"Type":"volume","Source":"/var/lib/docker/volumes/x/_data","Destination":"/data","RW":true}`, "volume at /data"},
	} {
		err := s.Verify([]byte(host + tc.mounts + "]}"))
		if (tc.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if err := s.Verify([]byte("{}")); err == nil {
		t.Error("a container of which nothing is said is taken")
	}
}

func TestSBX25_OldRuntimesAreRefused(t *testing.T) {
	docker := func(engine, containerd, runc string) string {
		return `{"Server":{"Components":[{"Name":"Engine","Version":"` + engine + `"},{"Name":"containerd","Version":"` + containerd + `"},{"Name":"runc","Version":"` + runc + `"}]}}`
	}
	podman := func(version, name, runtime string) string {
		return `{"host":{"ociRuntime":{"name":"` + name + `","version":"` + runtime + `"},"security":{"seccompEnabled":true}},"version":{"Version":"` + version + `"}}`
	}
	for name, tc := range map[string]struct{ kind, about, options, want string }{
		"docker":              {container.Docker, docker("29.5.1", "2.1.9", "1.3.6"), goodOptions, ""},
		"runc":                {container.Docker, docker("29.5.1", "2.1.9", "1.2.7"), goodOptions, "CVE-2025-31133"},
		"runc 1.3":            {container.Docker, docker("29.5.1", "2.1.9", "1.3.5"), goodOptions, "runc 1.3.5 is older"},
		"runc before release": {container.Docker, docker("29.5.1", "2.1.9", "1.4.3-rc.1"), goodOptions, "older than 1.4.3"},
		"runc before 1.5":     {container.Docker, docker("29.5.1", "2.1.9", "1.5.0-rc.1"), goodOptions, "comes before its release"},
		"runc before 1.4":     {container.Docker, docker("29.5.1", "2.1.9", "1.4.0-rc.1"), goodOptions, "comes before its release"},
		"containerd 2.2":      {container.Docker, docker("29.5.1", "2.2.4", "1.4.3"), goodOptions, "CVE-2026-53488"},
		"containerd":          {container.Docker, docker("29.5.1", "1.7.32", "1.4.3"), goodOptions, "containerd"},
		"engine":              {container.Docker, docker("29.5.0", "2.2.5", "1.4.3"), goodOptions, "Engine 29.5.0"},
		"no version of runc":  {container.Docker, docker("29.5.1", "2.2.5", ""), goodOptions, "version of runc is not known"},
		"no daemon":           {container.Docker, `{"Client":{"Version":"29.5.1"},"Server":null}`, goodOptions, "says nothing of the daemon"},
		"no seccomp":          {container.Docker, docker("29.5.1", "2.2.5", "1.4.3"), `["name=seccomp,profile=unconfined"]`, "seccomp"},
		"podman":              {container.Podman, goodPodman, "", ""},
		"old podman":          {container.Podman, podman("4.3.1", "crun", "crun version 1.30"), "", "podman 4.3.1"},
		"checkpoint images":   {container.Podman, podman("6.1.2", "crun", "crun version 1.30"), "", "CVE-2026-94603"},
		"podman 5":            {container.Podman, podman("5.8.9", "crun", "crun version 1.30"), "", "CVE-2026-111361"},
		"crun":                {container.Podman, podman("6.2.0", "crun", "crun version 1.29.1"), "", "crun 1.29.1"},
		"no filter":           {container.Podman, strings.Replace(goodPodman, "/usr/share/containers/seccomp.json", "unconfined", 1), "", "seccomp"},
		"podman's runc":       {container.Podman, podman("6.2.0", "runc", "runc version 1.1.5+ds1"), "", "runc 1.1.5"},
		"another runtime":     {container.Podman, podman("6.2.0", "kata", "3.2.0"), "", `nothing is known of the runtime "kata"`},
		"nonsense":            {container.Podman, `[]`, "", "says nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			aged, err := container.Fit(tc.kind, []byte(tc.about), []byte(tc.options))
			if err = errors.Join(aged, err); (tc.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("it is refused with %v, want %q", err, tc.want)
			}
		})
	}
	f := daemon(t, container.Docker)
	f.put(t, "version", docker("29.5.1", "2.1.9", "1.2.7"))
	for _, weaker := range []bool{false, true} {
		s := spec()
		s.Weaker = weaker
		box, err := f.client(t).Confine(new(exec.Cmd), s)
		if (err == nil) != weaker {
			t.Errorf("with allow_weaker %v: %v", weaker, err)
		}
		if box != nil {
			box.Close()
		}
	}
	if left := f.containers(t); left != nil {
		t.Errorf("left are %q", left)
	}
}

// What a gateway that was killed left behind goes before the next is started, and
// nobody else's does.
func TestSBX14_WhatAnEarlierProcessLeftIsRemoved(t *testing.T) {
	f := daemon(t, container.Docker)
	f.put(t, "doorward-left.container", `{"Options":{"label":["doorward.owner=`+owned+`"]}}`)
	f.put(t, "theirs.container", `{"Options":{"label":["doorward.owner=ffff"]}}`)
	run(t, f.client(t), spec(), "")
	if left := f.containers(t); len(left) != 1 || !strings.HasSuffix(left[0], "theirs.container") {
		t.Errorf("left are %q, want theirs alone", left)
	}
}

func TestTheTimeOfAContainerEndsIt(t *testing.T) {
	f := daemon(t, container.Docker)
	s := spec()
	s.Limits.Wall = time.Millisecond
	var cmd exec.Cmd
	box, err := f.client(t).Confine(&cmd, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Started(nil); err != nil {
		t.Fatal(err)
	}
	if r := <-box.Reports(); r.Kind != sandbox.OverWall {
		t.Errorf("the report is %v", r)
	}
	box.Close()
	if left := f.containers(t); left != nil {
		t.Errorf("left are %q", left)
	}
}

// A daemon elsewhere would be given that machine's files.
func TestADaemonOnAnotherMachineIsRefused(t *testing.T) {
	f := daemon(t, container.Docker)
	for host, ok := range map[string]bool{"tcp://10.0.0.1:2376": false, "ssh://root@host": false, "unix:///srv/docker.sock": true} {
		c, err := container.NewClient(container.Docker, append(f.env, "DOCKER_HOST="+host), owned)
		if (err == nil) != ok {
			t.Errorf("DOCKER_HOST=%s: %v", host, err)
		}
		if c == nil {
			continue
		}
		s := spec()
		s.Read = []string{"/srv"}
		if _, err := c.Plan(s); err == nil {
			t.Error("the directory of the daemon's socket is given")
		}
	}
}

// No variable needs to say so: docker's context and podman's connection do, too.
func TestSettingsThatLeadToAnotherMachineAreRefused(t *testing.T) {
	const far = "another machine"
	for name, tc := range map[string]struct{ kind, file, says, want string }{
		"ssh":           {container.Docker, "context", `"ssh://root@host"`, far},
		"tcp":           {container.Docker, "context", `"tcp://10.0.0.1:2375"`, far},
		"pipe":          {container.Docker, "context", `"npipe:////host/pipe/docker_engine"`, far},
		"nowhere":       {container.Docker, "context", `""`, far},
		"nothing":       {container.Docker, "context", ``, "reading docker's context"},
		"podman":        {container.Podman, "info", strings.Replace(goodPodman, `"host":{`, `"host":{"serviceIsRemote":true,`, 1), far},
		"its socket":    {container.Docker, "context", `"unix:///srv/run/docker.sock"`, "docker.sock"},
		"this one":      {container.Docker, "context", `"unix:///var/run/docker.sock"`, ""},
		"docker's pipe": {container.Docker, "context", `"npipe:////./pipe/docker_engine"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := daemon(t, tc.kind)
			f.put(t, tc.file, tc.says)
			s := spec()
			if name == "its socket" {
				s.Read = []string{"/srv"}
			}
			box, err := f.client(t).Confine(new(exec.Cmd), s)
			if (tc.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("it is refused with %v, want %q", err, tc.want)
			}
			if box != nil {
				box.Close()
			}
		})
	}
}

// The settings of a client decide what its containers get, wherever they lie.
func TestSBX23_TheSettingsOfTheClientAreNotGiven(t *testing.T) {
	f := daemon(t, container.Podman)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "DOCKER_CONFIG", "DOCKER_CERT_PATH"} {
		c, err := container.NewClient(f.kind, append(f.env, name+"="+filepath.Join(dir, "x")), owned)
		if err != nil {
			t.Fatal(err)
		}
		s := spec()
		s.Write = []string{dir}
		if _, err := c.Plan(s); err == nil {
			t.Errorf("what %s says is given to be written", name)
		}
	}
}
