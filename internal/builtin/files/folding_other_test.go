//go:build !linux

package files_test

import "testing"

// foldedFiles tells whether the temporary files of a test are where a file system has no eye for case.
func foldedFiles(t *testing.T) bool {
	t.Helper()
	if !folds(t, t.TempDir()) {
		t.Skip("the file system of this machine's temporary files has an eye for case, and none without can be mounted; TestPOL07Spellings holds the rule to other cases on it")
	}
	return true
}
