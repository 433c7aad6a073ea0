// Package personal finds numbers that name a person: payment cards, bank accounts,
// national ids, passports, and, as remarks, addresses of mail and telephone numbers.
// The stage inspect asks it about every string of a call and of a result.
//
// A number whose check digits are right is Medium; what only looks like one is
// Low, or not found at all. It asks nobody, keeps nothing, and shows of what it found
// only how long it is.
package personal
