//go:build !race

package reveal_test

const raceEnabled = false
