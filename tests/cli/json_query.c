/* json_query PATH...: of every line of standard input, which must be a JSON object, prints the values at the
 * paths
 * ("top.0.label"), separated by spaces; "-" where there is none. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cJSON *find(const cJSON *value, const char *path)
{
    char part[256];
    while (value && *path) {
        size_t length = strcspn(path, ".");
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        value = cJSON_IsArray(value) ? cJSON_GetArrayItem(value, atoi(part))
                                     : cJSON_GetObjectItemCaseSensitive(value, part);
        path += length + (path[length] == '.');
    }
    return value;
}

static void print_value(const cJSON *value)
{
    char *text = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    fputs(!value ? "-" : cJSON_IsString(value) ? value->valuestring : text ? text : "?", stdout);
    cJSON_free(text);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        cJSON *object = cJSON_ParseWithOpts(line, NULL, 1);
        if (!cJSON_IsObject(object)) {
            fprintf(stderr, "not a JSON object: %s", line);
            return 1;
        }
        for (int i = 1; i < argc; i++) {
            print_value(find(object, argv[i]));
            putchar(i + 1 < argc ? ' ' : '\n');
        }
        cJSON_Delete(object);
    }
    free(line);
    return 0;
}
