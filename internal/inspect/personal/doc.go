// Package personal finds personal data whose form gives it away: numbers of
// cards, accounts, persons and passports, addresses of mail, numbers of
// telephones. The stage inspect asks it about every string of a call and of a
// result.
//
// A number with a check digit that holds is Medium; one that has only its form,
// and addresses of mail, are Low: honest texts are full of them. It knows no names and no
// postal addresses, since nothing in them can be checked, and never shows what it
// found: a finding says the kind and the last characters at most.
package personal
