/*
 * SPDX-License-Identifier: ISC
 *
 * UDP traffic for the bench rows, in bursts of at most a fifth of a millisecond, so that a sender leaves its core to others.
 *
 *   traffic sink PORT                                         datagrams and bytes that came until it was quiet
 *   traffic flood ADDRESS PORT RATE SECONDS SIZE SEGMENTS     datagrams that were sent; SEGMENTS > 1 cuts them in the kernel (USO)
 *   traffic spray ADDRESS COUNT RATE                          one datagram to each of COUNT ports, on ADDRESS and those after it
 *   traffic echo PORT
 *   traffic ping ADDRESS PORT SECONDS SIZE                    round trip: median, 99th percentile and longest, microseconds
 *   traffic gaps ADDRESS PORT                                 asks every millisecond until its standard input ends: the longest time
 *                                                             without an answer, microseconds, and how many never came
 *   traffic first ADDRESS PORT                                asks every two milliseconds until the first answer
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#define UDP_GRO 104
#endif

#define BATCH 64
#define TICK 200000L
#define PORTS 60000
#define SAMPLES 4000000
#define MILLISECOND 1000000L

static char data[65536];

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void
sleep_until(long long when)
{
	struct timespec t = { when / 1000000000LL, when % 1000000000LL };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static struct sockaddr_in
name(const char *address, int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, address, &sin.sin_addr) != 1)
		errx(2, "not an IPv4 address: %s", address);
	return sin;
}

static int
open_socket(void)
{
	int room = 16 << 20;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	/* Beyond the host's limit with CAP_NET_ADMIN only. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	return fd;
}

static int
listen_on(int port)
{
	struct sockaddr_in sin = name("0.0.0.0", port);
	int fd = open_socket();

	if (bind(fd, (struct sockaddr *)&sin, sizeof sin) < 0)
		err(1, "bind");
	puts("ready");
	fflush(stdout);
	return fd;
}

static void
patience(int fd, long microseconds)
{
	struct timeval t = { microseconds / 1000000, microseconds % 1000000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

static void
sink(int port)
{
	static char buffers[BATCH][65536];
	static char controls[BATCH][64];
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	long long datagrams = 0, bytes = 0;
	int on = 1, fd = listen_on(port);

	setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
	patience(fd, 3000000);
	for (;;) {
		memset(messages, 0, sizeof messages);
		for (int i = 0; i < BATCH; i++) {
			vectors[i] = (struct iovec){ buffers[i], sizeof buffers[i] };
			messages[i].msg_hdr.msg_iov = &vectors[i];
			messages[i].msg_hdr.msg_iovlen = 1;
			messages[i].msg_hdr.msg_control = controls[i];
			messages[i].msg_hdr.msg_controllen = sizeof controls[i];
		}
		int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

		if (got <= 0)
			break;
		if (datagrams == 0)
			patience(fd, 300000);
		for (int i = 0; i < got; i++) {
			struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr);
			int size = 0, length = messages[i].msg_len;

			if (c != NULL && c->cmsg_type == UDP_GRO)
				memcpy(&size, CMSG_DATA(c), sizeof size);
			datagrams += size > 0 ? (length + size - 1) / size : 1;
			bytes += length;
		}
	}
	printf("%lld %lld\n", datagrams, bytes);
}

static void
flood(struct sockaddr_in to, double rate, double seconds, int size, int segments)
{
	struct mmsghdr messages[BATCH];
	struct iovec vector = { data, (size_t)size * segments };
	long long begin, tick, end, sent = 0;
	int fd = open_socket();

	if (segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof size) < 0)
		err(1, "UDP_SEGMENT");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "connect");
	memset(messages, 0, sizeof messages);
	for (int i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &vector;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	begin = tick = now();
	end = begin + (long long)(seconds * 1e9);
	while (tick < end) {
		long long due = (long long)((tick - begin) / 1e9 * rate / segments);

		while (sent < due) {
			int count = due - sent < BATCH ? (int)(due - sent) : BATCH;
			int done = sendmmsg(fd, messages, count, 0);

			/* What the machine does not even take counts as lost. */
			sent += done > 0 ? done : count;
		}
		tick += TICK;
		/* Somebody else had the core: what was missed is not made up in one burst. */
		if (now() > tick + 20 * TICK) {
			begin += now() - tick;
			end += now() - tick;
			tick = now();
		}
		sleep_until(tick);
	}
	printf("%lld\n", sent * segments);
}

static void
spray(struct sockaddr_in to, long count, double rate)
{
	long long begin = now();
	int fd = open_socket();
	uint32_t first = ntohl(to.sin_addr.s_addr);

	for (long i = 0; i < count; i++) {
		to.sin_addr.s_addr = htonl(first + i / PORTS);
		to.sin_port = htons(1024 + i % PORTS);
		sendto(fd, data, 22, 0, (struct sockaddr *)&to, sizeof to);
		if (i % 32 == 0)
			sleep_until(begin + (long long)(i * 1e9 / rate));
	}
}

static void
echo(int port)
{
	int fd = listen_on(port);

	for (;;) {
		struct sockaddr_in from;
		socklen_t length = sizeof from;
		ssize_t got = recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &length);

		if (got >= 0)
			sendto(fd, data, got, 0, (struct sockaddr *)&from, length);
	}
}

static int
compare(const void *a, const void *b)
{
	return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

static void
ping(struct sockaddr_in to, double seconds, int size)
{
	float *times = malloc(SAMPLES * sizeof *times);
	long long end = now() + (long long)(seconds * 1e9);
	long count = 0;
	int fd = open_socket();

	if (times == NULL || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "ping");
	patience(fd, 1000000);
	while (now() < end && count < SAMPLES) {
		long long sent = now();

		if (send(fd, data, size, 0) < 0 || recv(fd, data, sizeof data, 0) < 0)
			if (errno != EAGAIN && errno != ECONNREFUSED)
				err(1, "ping");
		times[count++] = (now() - sent) / 1e3;
	}
	qsort(times, count, sizeof *times, compare);
	printf("%.2f %.2f %.2f\n", times[count / 2], times[(long)(count * 0.99)], times[count - 1]);
}

static void
gaps(struct sockaddr_in to)
{
	struct pollfd ready[2] = { { .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	long long next = now(), last = next, worst = 0, t;
	long sent = 0, answered = 0;

	ready[0].fd = open_socket();
	if (connect(ready[0].fd, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "connect");
	while (ready[1].revents == 0) {
		send(ready[0].fd, data, 22, 0);
		sent++;
		next += MILLISECOND;
		while ((t = now()) < next) {
			struct timespec left = { 0, next - t };

			if (ppoll(ready, 2, &left, NULL) <= 0 || (ready[0].revents & POLLIN) == 0)
				continue;
			while (recv(ready[0].fd, data, sizeof data, MSG_DONTWAIT) >= 0)
				answered++;
			t = now();
			if (t - last > worst && t < next + MILLISECOND)
				worst = t - last;
			last = t;
		}
		/* Somebody else had the core: nothing is known of that time. */
		if (t > next + MILLISECOND)
			last = next = t;
	}
	printf("%.2f %ld\n", worst / 1e3, sent - answered);
}

static void
first(struct sockaddr_in to)
{
	int fd = open_socket();

	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "connect");
	patience(fd, 2000);
	do
		send(fd, data, 22, 0);
	while (recv(fd, data, sizeof data, 0) < 0);
	puts("answered");
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "sink") == 0 && argc == 3)
		sink(atoi(argv[2]));
	else if (strcmp(mode, "flood") == 0 && argc == 8)
		flood(name(argv[2], atoi(argv[3])), atof(argv[4]), atof(argv[5]), atoi(argv[6]), atoi(argv[7]));
	else if (strcmp(mode, "spray") == 0 && argc == 5)
		spray(name(argv[2], 0), atol(argv[3]), atof(argv[4]));
	else if (strcmp(mode, "echo") == 0 && argc == 3)
		echo(atoi(argv[2]));
	else if (strcmp(mode, "ping") == 0 && argc == 6)
		ping(name(argv[2], atoi(argv[3])), atof(argv[4]), atoi(argv[5]));
	else if (strcmp(mode, "gaps") == 0 && argc == 4)
		gaps(name(argv[2], atoi(argv[3])));
	else if (strcmp(mode, "first") == 0 && argc == 4)
		first(name(argv[2], atoi(argv[3])));
	else
		errx(2, "see the head of traffic.c");
	return 0;
}
