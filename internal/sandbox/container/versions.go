package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// version is the first three numbers of one, such as 1.3.6.
type version [3]int

var versionPattern = regexp.MustCompile(`(?:^|[^0-9.])v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?`)

// pre is what marks a version that comes before the one that it names.
var pre = regexp.MustCompile(`(?i)^[-.~]?(?:rc|alpha|beta|dev|pre)`)

// readVersion finds the first version in a text. One before a release counts as the
// release before it.
func readVersion(text string) (v version, ok bool) {
	m := versionPattern.FindStringSubmatchIndex(text)
	if m == nil {
		return v, false
	}
	for i := range v {
		if from, to := m[2+2*i], m[3+2*i]; from >= 0 {
			v[i], _ = strconv.Atoi(text[from:to])
		}
	}
	if pre.MatchString(text[m[1]:]) {
		for i := len(v) - 1; i >= 0; i-- {
			if v[i] > 0 {
				v[i]--
				break
			}
			v[i] = 1 << 30 // below the next number: 1.4.0-rc.1 is no 1.4.0
		}
	}
	return v, true
}

func (v version) less(w version) bool {
	for i := range v {
		if v[i] != w[i] {
			return v[i] < w[i]
		}
	}
	return false
}

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// floor is the oldest version of a program that may serve, and those of older series
// that have the same mended.
type floor struct {
	from  version
	older []version // of the series of their first two numbers
	why   string
}

// floors are by the names that docker version and podman info have for them. A
// program that has no row here is not looked at.
//
//nolint:gochecknoglobals // a table; read-only
var floors = map[string]floor{
	"Engine":     {from: version{28, 3, 3}, why: "CVE-2025-54388, and mounts that end at what is mounted below them"},
	"containerd": {from: version{2, 1, 5}, older: []version{{2, 0, 7}, {1, 7, 29}}, why: "CVE-2024-25621, CVE-2025-64329"},
	"runc":       {from: version{1, 4, 3}, older: []version{{1, 3, 6}}, why: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881, CVE-2026-41579"},
	"crun":       {from: version{1, 20, 0}, why: "CVE-2025-24965"},
	"podman":     {from: version{5, 2, 5}, why: "CVE-2024-9341, CVE-2024-9676"},
}

// check refuses a version below the floor, and one that cannot be read.
func (f floor) check(program, text string) error {
	v, ok := readVersion(text)
	if !ok {
		return fmt.Errorf("the version of %s is not known (%.40q); %s is the oldest that may serve (%s)", program, text, f.from, f.why)
	}
	for _, o := range f.older {
		if v[0] == o[0] && v[1] == o[1] && !v.less(o) {
			return nil
		}
	}
	if v.less(f.from) {
		return fmt.Errorf("%s %s is older than %s, which mends %s", program, v, f.from, f.why)
	}
	return nil
}

// errUnconfined is a daemon whose containers have every system call.
var errUnconfined = errors.New("its containers have no filter of system calls (seccomp)")

// Fit tells whether a daemon may serve, by what docker version and the security options
// of docker info say, or by podman info alone: err is that it may not at all, aged that
// its programs are below the floor or of unknown versions.
func Fit(kind string, about, options []byte) (aged, err error) {
	if kind == Podman {
		return checkPodman(about)
	}
	return checkDocker(about, options)
}

// checkDocker reads docker version and the security options of docker info.
func checkDocker(about, options []byte) (aged, err error) {
	var said struct {
		Server *struct {
			Components []struct{ Name, Version string }
		}
	}
	if err := json.Unmarshal(about, &said); err != nil || said.Server == nil {
		return nil, fmt.Errorf("docker version says nothing of the daemon: %w", errors.Join(err, errors.New("is it running?")))
	}
	seen := map[string]string{}
	for _, c := range said.Server.Components {
		seen[c.Name] = c.Version
	}
	var old []error
	for _, name := range []string{"Engine", "containerd", "runc"} {
		old = append(old, floors[name].check(name, seen[name]))
	}
	var security []string
	if err := json.Unmarshal(options, &security); err != nil {
		return nil, fmt.Errorf("reading docker info: %w", err)
	}
	for _, o := range security {
		if strings.HasPrefix(o, "name=seccomp") && !strings.Contains(o, "profile=unconfined") {
			return errors.Join(old...), nil
		}
	}
	return nil, errUnconfined
}

// checkPodman reads podman info.
func checkPodman(about []byte) (aged, err error) {
	var said struct {
		Host *struct {
			OCIRuntime struct{ Name, Version string }
			Security   struct{ SECCOMPEnabled bool }
		}
		Version struct{ Version string }
	}
	if err := json.Unmarshal(about, &said); err != nil || said.Host == nil {
		return nil, fmt.Errorf("podman info says nothing of this system: %w", errors.Join(err, errors.New("does podman run here?")))
	}
	if !said.Host.Security.SECCOMPEnabled {
		return nil, errUnconfined
	}
	old := []error{floors["podman"].check("podman", said.Version.Version)}
	runtime := said.Host.OCIRuntime
	f, known := floors[runtime.Name]
	if !known {
		old = append(old, fmt.Errorf("nothing is known of the runtime %.40q", runtime.Name))
	} else {
		old = append(old, f.check(runtime.Name, runtime.Version))
	}
	return errors.Join(old...), nil
}
