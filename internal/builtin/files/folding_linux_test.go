package files_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// image is a file system without an eye for case, in a file: the programs that make it, mount it, and
// have a directory fold, without the path at the end.
type image struct{ format, mount, fold []string }

// images are those that a machine may have: ext4 with casefold, FAT, and NTFS by its driver outside
// the kernel, which lists names in lower case.
func images() []image {
	return []image{
		{[]string{"mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8"}, []string{"mount", "-o", "loop"}, []string{"chattr", "+F"}},
		{[]string{"mkfs.vfat"}, []string{"mount", "-o", "loop,utf8"}, nil},
		{[]string{"mkntfs", "-q", "-F", "-Q"}, []string{"lowntfs-3g", "-o", "ignore_case"}, nil},
	}
}

// mounting is the variable with which of them a process of a test's own mounts.
const mounting = "DOORWARD_TEST_FOLDED"

// cannotMount is what that process says where it cannot.
const cannotMount = "cannot mount: "

// foldedFiles has the temporary files of a test where a file system has no eye for case; false where
// the test runs in a process of its own for that, or cannot.
func foldedFiles(t *testing.T) bool {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv(mounting)); err == nil {
		mounted(t, images()[n])
		return true
	}
	if folds(t, t.TempDir()) {
		return true
	}
	var whys []error
	for n, im := range images() {
		run := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		run.Env = append(os.Environ(), mounting+"="+strconv.Itoa(n))
		run.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // nobody else sees the mount
		out, err := run.CombinedOutput()
		_, why, cannot := strings.Cut(string(out), cannotMount)
		if cannot || err != nil && len(out) == 0 {
			whys = append(whys, fmt.Errorf("%s: %s%w", im.format[0], why, err))
			continue
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Errorf("on %s: %v\n%s", im.format[0], err, out)
		}
		t.Logf("on what %s made", im.format[0])
		return false
	}
	t.Skipf("no file system without an eye for case can be mounted here; TestPOL07Spellings holds the rule to other cases on this one:\n%v", errors.Join(whys...))
	return false
}

// mounted mounts an image for the temporary files of the test, or ends the process.
func mounted(t *testing.T, im image) {
	t.Helper()
	dir, err := os.MkdirTemp("", "folded") //nolint:usetesting // its first directory decides where the others are
	file, at := filepath.Join(dir, "image"), filepath.Join(dir, "at")
	if err == nil {
		err = errors.Join(os.Mkdir(at, 0o700), os.WriteFile(file, nil, 0o600), os.Truncate(file, 8<<20))
	}
	run := func(argv []string, words ...string) {
		if err != nil || len(argv) == 0 {
			return
		}
		var out []byte
		if out, err = exec.Command(argv[0], append(argv[1:], words...)...).CombinedOutput(); err != nil {
			err = fmt.Errorf("%s: %w: %.300s", argv[0], err, out)
		}
	}
	run(im.format, file)
	run(im.mount, file, at)
	if err == nil {
		t.Cleanup(func() { _ = exec.Command("umount", at).Run(); _ = os.RemoveAll(dir) })
	}
	inner := filepath.Join(at, "inner")
	run([]string{"mkdir"}, inner)
	run(im.fold, inner)
	if err == nil && !folds(t, inner) {
		err = errors.New("it has an eye for case")
	}
	if err != nil {
		_ = exec.Command("umount", at).Run()
		_ = os.RemoveAll(dir)
		fmt.Print(cannotMount, err)
		os.Exit(1)
	}
	t.Setenv("TMPDIR", inner)
}
