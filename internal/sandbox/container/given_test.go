package container_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/sandbox"
	"doorward/internal/sandbox/container"
)

func TestSBX24_VariablesThatTheClientHeedsAreRefused(t *testing.T) {
	for name, ok := range map[string]bool{
		"GITHUB_TOKEN": true, "API_KEY": true, "NODE_ENV": true, "_x": true, "TZ": true,
		"LD_PRELOAD": false, "LD_LIBRARY_PATH": false, "ld_preload": false, "DYLD_INSERT_LIBRARIES": false, "GODEBUG": false, "PATH": false, "HOME": false,
		"DOCKER_HOST": false, "CONTAINER_HOST": false, "CONTAINERS_CONF": false, "_CONTAINERS_ROOTLESS_UID": false, "XDG_RUNTIME_DIR": false, "https_proxy": false, "NO_PROXY": false, "SSH_AUTH_SOCK": false, "BASH_ENV": false,
		"": false, "A=B": false, "A B": false, "-e": false, "1A": false, "A\n": false, "A*": false,
	} {
		if err := container.CheckVariable(name); (err == nil) != ok {
			t.Errorf("CheckVariable(%q) = %v, want it taken: %v", name, err, ok)
		}
	}
}

func TestSBX23_PathsThatGiveAwayMoreThanFilesAreRefused(t *testing.T) {
	own := []string{"/srv/doorward/data", "/etc/doorward/doorward.yaml"}
	for path, ok := range map[string]bool{
		"/srv/docs": true, "/home/a/work": true, "/etc/ssl/certs": true, "/srv/doorward/other": true, "/var/lib/app": true, "/runs": true, "/tmp/x": true,
		"/": false, "/proc": false, "/proc/1/root": false, "/sys": false, "/dev": false, "/dev/kvm": false, "/boot": false,
		"/var/run/docker.sock": false, "/run/docker.sock": false, "/run": false, "/var": false, "/var/lib": false, "/var/lib/docker": false, "/var/lib/docker/volumes/x": false, "/run/podman/podman.sock": false, "/run/user/1000": false,
		"/etc": false, "/etc/shadow": false, "/etc/docker/daemon.json": false,
		"/srv/doorward/data": false, "/srv/doorward/data/audit": false, "/srv/doorward": false, "/srv": false, "/etc/doorward": false,
		"/tmp": false, "srv": false, "/srv/../etc": false, "/srv/": false, "/srv/a,readonly=false": false, "/srv/\"a": false, "/srv/a\n": false,
	} {
		if err := container.CheckPath(path, own); (err == nil) != ok {
			t.Errorf("CheckPath(%q) = %v, want it taken: %v", path, err, ok)
		}
	}
}

// spec is one that is taken.
func spec() container.Spec {
	return container.Spec{Kind: container.Docker, Image: "mcp/files@" + digest, Command: []string{"/probe", "-v", "/:/h", "--privileged"}, Owner: strings.Repeat("ab", 16), UID: 1000, GID: 1000}
}

func TestSBX24_WhatCannotBeRunIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*container.Spec)
		want   string
	}{
		"kind":       {func(s *container.Spec) { s.Kind = "nerdctl" }, "no container is of kind"},
		"image":      {func(s *container.Spec) { s.Image = "mcp/files:latest" }, "by its digest"},
		"nobody's":   {func(s *container.Spec) { s.Owner = "" }, "no owner"},
		"no command": {func(s *container.Spec) { s.Command = nil }, "needs the program"},
		"list":       {func(s *container.Spec) { s.Command[0] = `["sh"]` }, "bracket"},
		"zero byte":  {func(s *container.Spec) { s.Command[1] = "a\x00b" }, "zero byte"},
		"variable":   {func(s *container.Spec) { s.Env = []string{"LD_PRELOAD=/x.so"} }, "LD_PRELOAD"},
		"socket":     {func(s *container.Spec) { s.Read = []string{"/var/run/docker.sock"} }, "docker.sock"},
		"all":        {func(s *container.Spec) { s.Write = []string{"/"} }, "whole file system"},
		"own":        {func(s *container.Spec) { s.Read, s.Own = []string{"/srv"}, []string{"/srv/data"} }, "Doorward's own"},
		"limits":     {func(s *container.Spec) { s.Limits = sandbox.Limits{Memory: 1} }, "memory"},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec()
			tc.change(&s)
			if _, err := container.Show(s); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the plan's error is %v, want one of %q", err, tc.want)
			}
		})
	}
}

// The names of variables stand in arguments, their values nowhere; what a command has
// of words that look like options comes after the image, where no client looks.
func TestSBX23_ThePlanGivesNothingThatWasNotAsked(t *testing.T) {
	s := spec()
	s.Env = []string{"TOKEN=s3cret-value"}
	s.Read, s.Write = []string{"/srv/a", "/srv/b"}, []string{"/srv/b"}
	for _, kind := range []string{container.Docker, container.Podman} {
		s.Kind = kind
		p, err := container.Show(s)
		if err != nil {
			t.Fatal(err)
		}
		at := -1
		for i, a := range p.Create {
			if strings.Contains(a, "s3cret") {
				t.Errorf("%s: the value of a variable is in %q", kind, a)
			}
			if a == s.Image {
				at = i
			}
		}
		if at < 0 || strings.Join(p.Create[at+1:], " ") != "-v /:/h --privileged" {
			t.Fatalf("%s: the words after the image are not the command's: %q", kind, p.Create)
		}
		before := strings.Join(p.Create[:at], " ")
		if strings.Contains(before, ",mode=1777,notmpcopyup ") != (kind == container.Podman) {
			t.Errorf("%s: whether the image fills /tmp: %s", kind, before)
		}
		for _, want := range []string{
			"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none", "--user=1000:1000", "--pull=never", "--rm", "--log-driver=none",
			"--memory=536870912 --memory-swap=536870912", "--pids-limit=256", "--ulimit=nofile=1024:1024", "--env=TOKEN", "--entrypoint=/probe",
			"source=/srv/a,target=/srv/a,readonly,bind-propagation=rprivate", "source=/srv/b,target=/srv/b,bind-propagation=rprivate",
		} {
			if !strings.Contains(before, want) {
				t.Errorf("%s: %q is missing in %s", kind, want, before)
			}
		}
		for _, never := range []string{"privileged ", "--device", "--volume", " -v", "unconfined", "=host", "--cap-add", "source=/srv/b,target=/srv/b,readonly"} {
			if strings.Contains(before, never) {
				t.Errorf("%s: %q is in %s", kind, never, before)
			}
		}
	}
}

func TestSBX23_RootIsNobody(t *testing.T) {
	for _, id := range []int{0, -1} {
		s := spec()
		s.UID, s.GID = id, 1000
		p, err := container.Show(s)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(p.Create, " "), "--user=65534:65534") {
			t.Errorf("as %d the process is not nobody: %q", id, p.Create)
		}
	}
}

// A link is another place than its name says, and a socket is a way to who listens.
func TestSBX23_LinksAndSocketsAreNotGiven(t *testing.T) {
	f := standIn(t, container.Docker)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/proc", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, filepath.Join(dir, "absent"), "/dev/null"} {
		s := spec()
		s.Read = []string{path}
		if _, err := f.client(t).Plan(s); err == nil {
			t.Errorf("%s is given", path)
		}
	}
}

// Whatever a path is called, it is refused or one mount at its own place.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/srv/a", "/srv/a,readonly", "/", "/run/x", "/srv/\u202e", "/a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		s := spec()
		s.Read = []string{path}
		p, err := container.Show(s)
		if err != nil {
			return
		}
		for _, a := range p.Create {
			mount, ok := strings.CutPrefix(a, "--mount=")
			if !ok {
				continue
			}
			got := strings.Split(mount, ",")
			if len(got) != 6 || got[1] != "source="+path || got[2] != "target="+path || got[3] != "readonly" {
				t.Fatalf("the mount of %q is %q", path, mount)
			}
		}
	})
}
