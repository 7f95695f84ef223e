-- For Citus, after schema.sql and before the first message: a conversation and its messages on one shard.

SELECT create_distributed_table('"public"."chatstore_conversations"', 'key');
SELECT create_distributed_table(
  '"public"."chatstore_messages"', 'key', colocate_with => '"public"."chatstore_conversations"'
);
SELECT create_reference_table('"public"."chatstore_migrations"');
