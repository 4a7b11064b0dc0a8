//go:build race

package main

// raceDetector says that these tests were built with it.
const raceDetector = true
