// lookup NAME LOOKUPS AT-A-TIME asks its C library's resolver for NAME, each
// time in a process of its own, and prints a line for each: what getaddrinfo
// returned, and the seconds that it took.
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void look_up(const char *name) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  double begun = now();
  int code = getaddrinfo(name, "80", &hints, &found);
  char line[64];
  int length = snprintf(line, sizeof line, "%d %.3f\n", code, now() - begun);
  _exit(write(1, line, length) != length); // at once, or lines would mix
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int left = atoi(argv[2]), at_a_time = atoi(argv[3]), running = 0, failed = 0;
  while (left > 0 || running > 0) {
    if (left > 0 && running < at_a_time) {
      pid_t child = fork();
      if (child < 0) return 1;
      if (child == 0) look_up(argv[1]);
      left--, running++;
      continue;
    }
    int status;
    if (wait(&status) > 0) running--, failed |= status;
  }
  return failed != 0;
}
