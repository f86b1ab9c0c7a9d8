/* The clarus program: finds the command and runs it. Everything it does goes through clarus.h. */
#include "command.h"
#include "environment.h"
#include "interrupt.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"classify", command_classify, "pictures to labels"},
    {"run", command_run, "tensors to tensors"},
    {"bench", command_bench, "how fast a network runs, and how far from the device's limit"},
    {"devices", command_devices, "what is there, what passed its self-test, which one is taken, why"},
    {"verify", command_verify, "every kernel against the reference, bit for bit"},
    {"info", command_info, "what a model takes, gives and consists of; what is not supported"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int print_usage(FILE *file)
{
    fprintf(file, "Usage: clarus COMMAND [OPTIONS] ...\n\n"
                  "Runs ONNX image networks on photographs, through OpenCL on whatever the machine\n"
                  "has, with the same bits everywhere.\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fprintf(file, "\nclarus COMMAND --help tells a command's options; clarus --version the versions.\n\n"
                  "Exit codes: 0 all well; 1 some pictures failed, the rest are done; 2 wrong\n"
                  "usage; 3 the model cannot be used; 4 no usable device, or the one asked for is\n"
                  "not; 5 a comparison differed; 6 a result could not be written.\n");
    return fflush(file) == 0 ? EXIT_OK : EXIT_OUTPUT;
}

static int print_version(void)
{
    printf("clarus %s\nnumerics %d\n%s\n", clarus_version(), clarus_numerics_version(),
           clarus_decoder_versions());
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_OUTPUT;
}

static int run_command(int argc, char **argv)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            environment_set_up();
            return commands[i].run(argc, argv);
        }
    }
    fprintf(stderr, "clarus: \"%s\" is not a command; see clarus --help\n", argv[0]);
    return EXIT_USAGE;
}

static int help(const char *command)
{
    char *arguments[] = {(char *)command, "--help", NULL};
    return command ? run_command(2, arguments) : print_usage(stdout);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(argv[2]);
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    environment_check_streams();
    environment_watch_exit();
    int code = dispatch(argc, argv);
    interrupt_finish();
    environment_returns();
    return code;
}
